/** A customer as the ledger holds it. Everything but id, tier and since is personal. All of it is made up. */
export interface Customer {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly phone: string;
  readonly card: string;
  readonly ssn: string;
  readonly iban: string;
  readonly tier: string;
  readonly since: string;
  readonly notes: string;
}

export interface Invoice {
  readonly id: string;
  readonly customer: string;
  readonly cents: number;
  readonly currency: string;
  readonly status: "paid" | "open";
  readonly issued: string;
}

export interface Refund {
  readonly id: string;
  readonly invoice: string;
  readonly cents: number;
  readonly currency: string;
  readonly reason: string;
  /** The person on whose behalf it was made, from the access token. */
  readonly by: string;
}

/** Numbers pass their check digits, so that they are what detectors look for; none belongs to anybody. */
export const CUSTOMERS: readonly Customer[] = [
  {
    id: "1042",
    name: "Ingrid Solheim",
    email: "ingrid.solheim@fjordmail.example",
    phone: "+47 22 12 34 56",
    card: "5425 2334 3010 9903",
    ssn: "219-09-9940",
    iban: "NO93 8601 1117 947",
    tier: "gold",
    since: "2019-04-02",
    notes: "Charged twice. Prefers mail to solheim.private@post.example or a call at +1 415 555 2671.",
  },
  {
    id: "1043",
    name: "Tobias Achterberg",
    email: "t.achterberg@kanalhaus.example",
    phone: "+49 30 901820",
    card: "4111 1111 1111 1111",
    ssn: "457-55-5462",
    iban: "DE89 3704 0044 0532 0130 00",
    tier: "silver",
    since: "2021-11-15",
    notes: "Nothing special.",
  },
];

export const INVOICES: readonly Invoice[] = [
  { id: "inv-7001", customer: "1042", cents: 4900, currency: "EUR", status: "paid", issued: "2026-01-05" },
  { id: "inv-7002", customer: "1042", cents: 4900, currency: "EUR", status: "paid", issued: "2026-01-05" },
  { id: "inv-7003", customer: "1042", cents: 1500, currency: "EUR", status: "paid", issued: "2026-02-05" },
  { id: "inv-7004", customer: "1043", cents: 12900, currency: "EUR", status: "open", issued: "2026-02-07" },
];

/** What of the customers must reach no agent, log or record: the values of these fields, and what the notes hold. */
const PERSONAL = ["name", "email", "phone", "card", "ssn", "iban"] as const;
const IN_NOTES = ["solheim.private@post.example", "+1 415 555 2671"];

export const personalValues = (customers: readonly Customer[] = CUSTOMERS): readonly string[] => [
  ...customers.flatMap((customer) => PERSONAL.map((field) => customer[field])),
  ...IN_NOTES,
];
