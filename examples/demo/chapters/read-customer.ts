import type { Customer } from "../ledger-data.js";
import { personalValues } from "../ledger-data.js";
import { requestLine, type Scene } from "../stage.js";

const ROWS = ["name", "email", "phone", "card", "ssn", "iban", "notes", "tier"] as const;

/** The agent reads a customer; what identifies the customer does not arrive. */
export async function readCustomer({ story, world, agent, eyes }: Scene): Promise<void> {
  story.step("The agent reads a customer, masked");
  story.says("agent", requestLine("GET", "/api/customers/1042"));
  const before = world.ledger.customer("1042");
  const outcome = await agent.call("GET", "/api/customers/1042");
  const after = outcome.kind === "answer" ? (outcome.body as Partial<Customer>) : {};
  story.sideBySide(
    "the ledger holds",
    "the agent reads",
    ROWS.map((field) => ({ field, before: String(before?.[field]), after: String(after[field]) })),
  );
  const arrived = world.ledger.received.at(-1);
  story.says(
    "ledger",
    `Served ${arrived?.target} to ${arrived?.subject} through ${arrived?.actor}, with a token for "${arrived?.scope}".`,
  );
  story.claim(
    "no personal value of the customer reached the agent, also not from free text",
    outcome.kind === "answer" && !eyes.haveSeen(personalValues()),
  );
  story.claim(
    "what is not personal arrived as it is",
    after.id === before?.id && after.tier === before?.tier && after.since === before?.since,
  );
  story.claim(
    "the token was for this one right, for Maria, through the agent",
    arrived?.scope === "customers:read" && arrived.subject === "maria" && arrived.actor === "support-bot",
  );
}
