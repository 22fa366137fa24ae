import { userInfo } from "node:os";
import { type ApprovalCallback, type ApprovalRequest, approveInTerminal, renderCard } from "sallyport/approval";
import type { CliIo } from "../../src/cli/io.js";
import type { Story } from "./story.js";

/** What the person will do with the next question. */
export interface Plan {
  /** `later`: they are told, and decide when the call is over. */
  readonly answer: "approve" | "deny" | "later";
  readonly reason: string;
  /** Happens while they think. */
  readonly meanwhile?: () => void;
}

/** The one who is asked: a script, or whoever sits at the terminal. */
export interface Person {
  readonly ask: ApprovalCallback;
  /** Every question so far. */
  readonly questions: readonly ApprovalRequest[];
  /** The answers, as far as there were any. */
  readonly answers: readonly ("approve" | "deny")[];
  prepare(plan: Plan): void;
}

/** Answers as planned, and shows the card it answers to. */
export function scriptedPerson(story: Story): Person {
  let first = true;
  return makePerson(async (request, control, plan) => {
    story.shows("person", first ? renderCard(request, story.width).split("\n") : inShort(request));
    first = false;
    const by = { id: "bea", idp: "demo-directory", groups: ["finance"] };
    story.says("person", plan.answer === "approve" ? `Yes, once. (${plan.reason})` : `No. (${plan.reason})`);
    return plan.answer === "approve" ? control.approve(by) : control.deny(by, { reason: plan.reason });
  });
}

/** Enough to tell the question from the one before. */
const inShort = ({ id, http, fingerprint }: ApprovalRequest): readonly string[] => [
  `Approval ${id}`,
  `  ${http.method} ${http.origin}${http.path}`,
  `    | ${http.body.preview}`,
  `  fingerprint ${fingerprint.slice(0, 24)}…`,
];

/** Asks at the terminal. Plans are then only what happens meanwhile. */
export function personAtTerminal({ terminal }: CliIo): Person {
  const approver = { id: userInfo().username, idp: "terminal", groups: ["finance"] };
  const ask = approveInTerminal({ ...terminal, approver });
  return makePerson((request, control) => ask(request, control));
}

function makePerson(
  answer: (...asked: [...Parameters<ApprovalCallback>, plan: Plan]) => ReturnType<ApprovalCallback>,
): Person {
  const questions: ApprovalRequest[] = [];
  const answers: ("approve" | "deny")[] = [];
  let next: Plan | undefined;
  return {
    questions,
    answers,
    prepare(plan) {
      next = plan;
    },
    async ask(request, control) {
      const plan = next ?? { answer: "deny", reason: "I did not expect to be asked." };
      next = undefined;
      questions.push(request);
      plan.meanwhile?.();
      if (plan.answer === "later") return control.pending();
      const reply = await answer(request, control, plan);
      if (reply.kind === "decision") answers.push(reply.decision.verdict);
      return reply;
    },
  };
}
