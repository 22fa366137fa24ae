import { randomUUID } from "node:crypto";
import { createAgent } from "../agent.js";
import { requestLine, type Scene } from "../stage.js";
import { MARIA, TICKET } from "./open-session.js";

const REFUND = { cents: 1500, currency: "EUR", invoice: "inv-7001", reason: "goodwill" };

/** A question that nobody has answered yet outlives the process that asked it; so does the answer, and it is used once. */
export async function surviveRestart({ story, world, person, eyes, signal }: Scene): Promise<void> {
  story.step("The guard is started again while a question is open");
  const agentOf = async (): Promise<ReturnType<typeof createAgent>> => {
    const identityToken = await world.authorizationServer.issueUserToken(MARIA);
    const session = await world.guard().openSession({ ...TICKET, identityToken }, { signal });
    return createAgent(session.fetch, world.ledger.origin, eyes, signal);
  };
  const before = world.ledger.received.length;
  const refunds = (): number => world.ledger.received.slice(before).filter(({ method }) => method === "POST").length;

  story.says("agent", requestLine("POST", "/api/refunds", REFUND));
  const told = new Promise<void>((resolve) => {
    person.prepare({ answer: "later", reason: "", meanwhile: resolve });
  });
  const agent = await agentOf();
  const waiting = agent.call("POST", "/api/refunds", REFUND);
  await Promise.race([told, waiting]);
  await world.restart();
  const broken = await waiting;
  story.says("guard", broken.kind === "refused" ? `${broken.error.code}. Then it is started again.` : "ANSWERED");
  const [open] = await world.guard().approvals.list({ state: "pending" });
  story.says("guard", `On the disk there is still: ${open?.id}, ${open?.state}.`);
  story.claim(
    "the question is there after the restart, and nothing was sent",
    broken.kind === "refused" && open?.id === person.questions.at(-1)?.id && refunds() === 0,
  );

  story.says("person", "Yes, once. (I have been to lunch.)");
  const decided = await world.guard().approvals.decide({
    approvalId: open?.id ?? "",
    fingerprint: open?.fingerprint ?? "",
    verdict: "approve",
    by: { id: "bea", idp: "demo-directory", groups: ["finance"] },
    at: new Date().toISOString(),
    nonce: randomUUID(),
  });
  story.claim("the yes is kept, and sends nothing by itself", decided.state === "approved" && refunds() === 0);

  story.says("agent", `Once more: ${requestLine("POST", "/api/refunds", REFUND)}`);
  const again = await (await agentOf()).call("POST", "/api/refunds", REFUND);
  const after = await world.guard().approvals.get(decided.id);
  story.claim(
    "the repeated call finds the yes, is sent once, and uses it up",
    again.kind === "answer" && again.status === 201 && refunds() === 1 && after?.state === "consumed",
  );
}
