import type { PolicyDocument } from "sallyport/policy";

/** Whom access tokens for the ledger are for: its resource identifier at the authorization server (RFC 8707). */
export const LEDGER_API = "https://ledger.internal.example/api";

/** The largest refund that a person can be asked about, in cents. Anything above is denied without a question. */
export const LARGEST_REFUND = 10_000;

/** What the demonstration's agent may do. `wait` is how long a call is held while a person thinks. */
export const demoPolicy = (ledgerOrigin: string, wait: string): PolicyDocument => ({
  version: 1,
  id: "sallyport-demo",
  description: "A support agent: reads customers and invoices, may ask for small refunds, keeps out of the admin API.",
  services: {
    ledger: {
      description: "Customers, invoices, refunds",
      origins: [ledgerOrigin],
      addresses: ["127.0.0.0/8"],
      credential: "ledger",
      redirects: 0,
    },
  },
  rules: [
    {
      id: "read-customer",
      effect: "allow",
      service: "ledger",
      methods: ["GET"],
      path: "/api/customers/{id}",
      params: { id: { matches: "^[0-9]+$" } },
      who: { "/principal/groups": { contains: "support" } },
      scopes: ["customers:read"],
      mask: ["/name"],
    },
    {
      id: "list-invoices",
      effect: "allow",
      service: "ledger",
      methods: ["GET"],
      path: "/api/invoices",
      query: { customer: { matches: "^[0-9]+$" } },
      exact: ["query"],
      scopes: ["invoices:read"],
    },
    {
      id: "small-refund",
      effect: "approve",
      service: "ledger",
      methods: ["POST"],
      path: "/api/refunds",
      body: {
        "/invoice": { prefix: "inv-" },
        "/cents": { gt: 0, lte: LARGEST_REFUND },
        "/currency": "EUR",
        "/reason": { maxLength: 200 },
      },
      exact: ["body"],
      scopes: ["refunds:write"],
      approval: { approvers: ["group:finance"], wait, grant: { ttl: "1m" } },
      reason: "money leaves the company, so a person decides",
    },
    {
      id: "no-admin",
      effect: "deny",
      path: "/admin/**",
      reason: "the admin API is for people, not for agents",
    },
  ],
});
