import { randomUUID } from "node:crypto";
import { createAgent, type DemoAgent } from "../agent.js";
import { requestLine, type Scene } from "../stage.js";
import { TICKET } from "../ticket.js";
import { MARIA } from "./open-session.js";

const PATH = "/api/refunds";
const REFUND = { cents: 2500, currency: "EUR", invoice: "inv-7003", reason: "goodwill" };

/** An approval belongs to principal, agent and request: it outlives the session that asked, and serves nobody else. */
export async function outliveSession({ story, world, person, eyes, signal }: Scene): Promise<void> {
  story.step("A session ends before a person has decided");
  const { guard, ledger, authorizationServer } = world;
  const before = ledger.received.length;
  const sent = (): number => ledger.received.slice(before).filter(({ method }) => method === "POST").length;
  /** A session of Maria's, and an agent in it that waits for nobody. */
  const open = async (agentId: string = TICKET.agent.id) => {
    const identityToken = await authorizationServer.issueUserToken(MARIA);
    const session = await guard.openSession({ ...TICKET, agent: { id: agentId }, identityToken }, { signal });
    const agent: DemoAgent = createAgent(session.createFetch({ wait: 0 }), ledger.origin, eyes, signal);
    return { session, agent };
  };

  const first = await open();
  story.says("agent", requestLine("POST", PATH, REFUND));
  person.prepare({ answer: "later", reason: "in a meeting" });
  const pending = await first.agent.call("POST", PATH, REFUND);
  const id = pending.kind === "refused" ? (pending.error.approvalId ?? "") : "";
  await first.session.close();
  const left = await guard.approvals.get(id);
  story.says("guard", `The session is closed. The approval ${id} is ${left?.state}.`);
  story.claim(
    "the approval outlives the session that asked for it, and nothing was sent",
    left?.state === "pending" && sent() === 0,
  );

  story.says("person", "Back from the meeting. Yes, once.");
  await guard.approvals.decide({
    approvalId: id,
    fingerprint: left?.fingerprint ?? "",
    verdict: "approve",
    by: { id: "bea", idp: "demo-directory", groups: ["finance"] },
    at: new Date().toISOString(),
    nonce: randomUUID(),
  });

  const stranger = await open("another-bot");
  story.says("agent", `Another agent of Maria's tries its luck: ${requestLine("POST", PATH, REFUND)}`);
  person.prepare({ answer: "later", reason: "who is this?" });
  const refused = await stranger.agent.call("POST", PATH, REFUND);
  story.claim(
    "another agent finds neither the approval nor its grant: it has to ask for itself",
    refused.kind === "refused" &&
      refused.error.code === "APPROVAL_PENDING" &&
      refused.error.approvalId !== id &&
      sent() === 0,
  );
  await stranger.session.close({ cancelApprovals: true });

  const second = await open();
  story.says("agent", `In a new session, the same once more: ${requestLine("POST", PATH, REFUND)}`);
  const outcome = await second.agent.call("POST", PATH, REFUND);
  const after = await guard.approvals.get(id);
  story.claim(
    "a later session of the same person and agent finds the grant, is sent once, and uses it up",
    outcome.kind === "answer" && outcome.status === 201 && sent() === 1 && after?.state === "consumed",
  );
  await second.session.close();
}
