import type { Invoice } from "../ledger-data.js";
import { money, requestLine, type Scene } from "../stage.js";

/** Work goes on as if there were no guard. */
export async function listInvoices({ story, world, agent }: Scene): Promise<void> {
  story.step("The agent lists invoices");
  story.says("agent", requestLine("GET", "/api/invoices?customer=1042"));
  const outcome = await agent.call("GET", "/api/invoices?customer=1042");
  const invoices =
    outcome.kind === "answer" ? (outcome.body as { readonly invoices: readonly Invoice[] }).invoices : [];
  story.shows(
    "agent",
    invoices.map(({ id, cents, status, issued }) => `${id}  ${money(cents).padStart(10)}  ${status}  ${issued}`),
  );
  story.says("agent", "inv-7001 and inv-7002 are the same charge, made twice.");
  const arrived = world.ledger.received.at(-1);
  story.claim("ordinary work passes without anybody being asked", invoices.length === 3);
  story.claim("another call, another right: the token was for invoices only", arrived?.scope === "invoices:read");
}
