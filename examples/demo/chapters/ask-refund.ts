import { createHash } from "node:crypto";
import { requestLine, type Scene } from "../stage.js";

/** The refund of both chapters; members in the order of RFC 8785, so that its bytes are its canonical form. */
export const REFUND = { cents: 4900, currency: "EUR", invoice: "inv-7002", reason: "charged twice" };

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A person sees exactly what would be sent, and what they say yes to is what arrives. */
export async function askRefund({ story, world, agent, person, eyes }: Scene): Promise<void> {
  story.step("The agent asks for a refund, and a person decides");
  story.says("agent", requestLine("POST", "/api/refunds", REFUND));
  const before = world.ledger.received.length;
  const knownTokens = world.ledger.tokensSeen();
  person.prepare({ answer: "approve", reason: "inv-7002 repeats inv-7001" });
  const outcome = await agent.call("POST", "/api/refunds", REFUND);
  const arrived = world.ledger.received.slice(before);
  const question = person.questions.at(-1);
  const shown = question?.http;
  story.claim(
    "the person saw who asks, for whom, why, and every byte that would be sent",
    shown?.method === "POST" &&
      shown.path === "/api/refunds" &&
      shown.body.preview === JSON.stringify(REFUND) &&
      question?.subject.agent === "support-bot" &&
      question.subject.onBehalfOf === "maria",
  );
  if (person.answers.at(-1) !== "approve") {
    story.says("guard", outcome.kind === "refused" ? outcome.error.toModelText() : "");
    story.claim("the person said no, and nothing was sent", outcome.kind === "refused" && arrived.length === 0);
    return;
  }
  story.says(
    "ledger",
    `Refund made for ${world.ledger.refunds.at(-1)?.by}: ${arrived[0]?.bodyBytes} bytes, SHA-256 ${arrived[0]?.bodySha256.slice(0, 16)}…`,
  );
  const newTokens = world.ledger.tokensSeen().filter((token) => !knownTokens.includes(token));
  story.claim(
    "the ledger got exactly the approved bytes, exactly once",
    outcome.kind === "answer" &&
      outcome.status === 201 &&
      arrived.length === 1 &&
      arrived[0]?.bodySha256 === sha256(JSON.stringify(REFUND)) &&
      arrived[0].bodySha256 === shown?.body.sha256,
  );
  story.claim(
    "with a token made after the yes, for refunds only, that the agent never saw",
    newTokens.length === 1 && arrived[0]?.scope === "refunds:write" && !eyes.haveSeen(newTokens),
  );
}
