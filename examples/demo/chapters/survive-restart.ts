import { randomUUID } from "node:crypto";
import { createAgent } from "../agent.js";
import { killWhenItAsks } from "../doomed.js";
import { requestLine, type Scene } from "../stage.js";
import { TICKET } from "../ticket.js";
import { MARIA } from "./open-session.js";

const REFUND = { cents: 1500, currency: "EUR", invoice: "inv-7001", reason: "goodwill" };

/** A question that nobody has answered yet outlives the process that asked it; so does the answer, and it is used once. */
export async function surviveRestart({ story, world, eyes, signal, startDoomed }: Scene): Promise<void> {
  story.step("A guard's process is killed while its question is open");
  const before = world.ledger.received.length;
  const refunds = (): number => world.ledger.received.slice(before).filter(({ method }) => method === "POST").length;
  const identityToken = await world.authorizationServer.issueUserToken(MARIA);

  story.says("agent", requestLine("POST", "/api/refunds", REFUND));
  const child = await startDoomed();
  const doom = { place: world.place, directory: `${world.place.state}-of-the-killed`, identityToken, refund: REFUND };
  const asked = await killWhenItAsks(child, doom, signal);
  story.says("guard", `Process ${child.pid} asks a person, and is killed: ${child.signalCode}.`);
  const [open] = await world.guard.approvals.list({ state: "pending" });
  story.says("guard", `On the disk another process finds: ${open?.id}, ${open?.state}.`);
  story.claim(
    "the question outlives the process that asked it, and nothing was sent",
    open !== undefined && open.id === asked && refunds() === 0,
  );

  story.says("person", "Yes, once. (I have been to lunch.)");
  const decided = await world.guard.approvals.decide({
    approvalId: open?.id ?? "",
    fingerprint: open?.fingerprint ?? "",
    verdict: "approve",
    by: { id: "bea", idp: "demo-directory", groups: ["finance"] },
    at: new Date().toISOString(),
    nonce: randomUUID(),
  });
  story.claim("the yes is kept, and sends nothing by itself", decided.state === "approved" && refunds() === 0);

  story.says("agent", `Once more, in another process: ${requestLine("POST", "/api/refunds", REFUND)}`);
  const again = await world.authorizationServer.issueUserToken(MARIA);
  const session = await world.guard.openSession({ ...TICKET, identityToken: again }, { signal });
  const agent = createAgent(session.fetch, world.ledger.origin, eyes, signal);
  const outcome = await agent.call("POST", "/api/refunds", REFUND);
  const after = await world.guard.approvals.get(decided.id);
  story.claim(
    "the repeated call finds the yes, is sent once, and uses it up",
    outcome.kind === "answer" && outcome.status === 201 && refunds() === 1 && after?.state === "consumed",
  );
}
