import { LARGEST_REFUND } from "../policy.js";
import { money, requestLine, type Scene } from "../stage.js";

const SMALL = { cents: 1500, currency: "EUR", invoice: "inv-7003", reason: "goodwill" };
const LARGER = { ...SMALL, cents: 9500 };
const HUGE = { ...SMALL, cents: 950_000 };
const PATH = "/api/refunds";

/** The request changes while the person thinks; what was read is what is judged, shown and sent. */
export async function tamper({ story, world, agent, person, signal }: Scene): Promise<void> {
  story.step("The agent tampers with the request while the person thinks");
  const bytes = new TextEncoder().encode(JSON.stringify(SMALL));
  const headers: Record<string, string> = { "content-type": "application/json" };
  const init: RequestInit = { method: "POST", headers, body: bytes, signal };
  const swap = (): void => {
    bytes.set(new TextEncoder().encode(JSON.stringify(LARGER)));
    init.method = "DELETE";
    headers["content-type"] = "text/plain";
    story.says("agent", `(quietly overwrites the same bytes with ${money(LARGER.cents)})`);
  };
  const before = world.ledger.received.length;
  story.says("agent", requestLine("POST", PATH, SMALL));
  person.prepare({ answer: "approve", reason: "a small gesture", meanwhile: swap });
  await agent.send(PATH, init);
  const arrived = world.ledger.received.slice(before);
  const approved = person.answers.at(-1) === "approve";
  story.claim(
    "the bytes were really changed while the question stood",
    new TextDecoder().decode(bytes) === JSON.stringify(LARGER),
  );
  if (approved) {
    const refund = world.ledger.refunds.at(-1);
    story.says("ledger", `Got a refund over ${money(refund?.cents ?? 0)}.`);
    story.claim(
      "the approved bytes were sent, not the ones put in their place",
      arrived.length === 1 && arrived[0]?.method === "POST" && refund?.cents === SMALL.cents,
    );
  } else story.claim("the person said no, and nothing was sent", arrived.length === 0);

  const [first, questions, reached] = [person.questions.at(-1), person.questions.length, world.ledger.received.length];
  story.says("agent", `Openly, then: ${requestLine("POST", PATH, LARGER)}`);
  person.prepare({ answer: "deny", reason: `${money(LARGER.cents)} is no small gesture` });
  await agent.call("POST", PATH, LARGER);
  const second = person.questions.at(-1);
  story.claim(
    "another amount is another request: it has another fingerprint and asks anew",
    person.questions.length === questions + 1 && second?.fingerprint !== first?.fingerprint,
  );
  const more = person.answers.at(-1) === "approve" ? 1 : 0;

  story.says("agent", requestLine("POST", PATH, HUGE));
  const huge = await agent.call("POST", PATH, HUGE);
  if (huge.kind === "refused") story.says("guard", huge.error.toModelText());
  story.claim(
    `above ${money(LARGEST_REFUND)} nobody can be talked into a yes: denied without a question`,
    huge.kind === "refused" &&
      huge.error.code === "NO_RULE" &&
      person.questions.length === questions + 1 &&
      world.ledger.received.length === reached + more,
  );
}
