import { requestLine, type Scene } from "../stage.js";
import { REFUND } from "./ask-refund.js";

/** A yes is for one time; a no lasts for a while. */
export async function repeatRefund({ story, world, agent, person }: Scene): Promise<void> {
  story.step("The agent repeats it");
  const wasApproved = person.answers.at(-1) === "approve";
  const before = { ledger: world.ledger.received.length, questions: person.questions.length };
  story.says("agent", `Once more: ${requestLine("POST", "/api/refunds", REFUND)}`);
  person.prepare({ answer: "deny", reason: "that refund is made already" });
  const outcome = await agent.call("POST", "/api/refunds", REFUND);
  const asked = person.questions.length - before.questions;
  if (outcome.kind === "refused") story.says("guard", outcome.error.toModelText());
  story.claim(
    wasApproved ? "the yes was used up: the same request asks again" : "the no still stands: nobody is asked again",
    asked === (wasApproved ? 1 : 0),
  );
  if (person.answers.at(-1) === "approve") {
    story.claim(
      "the person said yes again, and one more refund was made",
      world.ledger.received.length === before.ledger + 1,
    );
    return;
  }
  story.says("agent", "And again, in case they have changed their mind.");
  const again = await agent.call("POST", "/api/refunds", REFUND);
  story.says("guard", `${again.kind === "refused" ? again.error.code : "ANSWERED"}, and nobody was disturbed.`);
  story.claim(
    "the no holds: further tries are refused without disturbing anybody",
    again.kind === "refused" &&
      again.error.code === "APPROVAL_DENIED" &&
      person.questions.length === before.questions + asked,
  );
  story.claim("nothing of it reached the ledger", world.ledger.received.length === before.ledger);
}
