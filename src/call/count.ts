import { DeniedError, GuardError } from "../errors/guard-error.js";
import type { GuardParts, SessionState } from "../guard-parts.js";
import type { Decision, DecisionContext, Limit } from "../policy/index.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { targetOf } from "../request/target.js";
import type { LimitAnswer, LimitCharge, LimitTime } from "../store/index.js";

/** What a hop uses up of its limits. */
export interface Counted {
  /** Counts it against the limits of another decision instead. @throws GuardError as {@link countCall} */
  moveTo(decision: Decision): Promise<void>;
  /** Counts it once more, for a second sending, and returns what gives that back. @throws GuardError as {@link countCall} */
  again(): Promise<Release>;
  /** Gives it back: it is certain that nothing was sent. Never throws; what is not given back counts, which is the safe side. */
  release(): Promise<void>;
}

/** A store that has not answered by then is down. */
const STORE_DEADLINE_MS = 5_000;

/**
 * Step 5. Counts a hop against every limit of the rules that let it through, before anybody is asked and any credential is
 * fetched; of calls at the same moment no more pass than redact.
 *
 * @throws GuardError LIMIT_EXCEEDED where one is used up, STORE_UNAVAILABLE where nobody can tell.
 */
export async function countCall(
  parts: GuardParts,
  session: SessionState,
  decision: Decision,
  target: string,
): Promise<Counted> {
  return counted(parts, session, () => target, decision, await reserve(parts, session, decision, target));
}

/** Step 5 of a hop that no limit counts. */
export const uncounted = (
  parts: GuardParts,
  session: SessionState,
  request: CanonicalRequest,
  decision: Decision,
): Counted => counted(parts, session, () => targetOf(request), decision, NOTHING_HELD);

function counted(
  parts: GuardParts,
  session: SessionState,
  target: () => string,
  first: Decision,
  held: Release,
): Counted {
  let decision = first;
  let release = held;
  return {
    async moveTo(other) {
      await release();
      release = NOTHING_HELD;
      release = await reserve(parts, session, other, target());
      decision = other;
    },
    again: () => reserve(parts, session, decision, target()),
    release: () => release(),
  };
}

/** Gives back what was counted. Never throws. */
export type Release = () => Promise<void>;

export const NOTHING_HELD: Release = async () => undefined;

async function reserve(
  { clock, limits: store }: GuardParts,
  session: SessionState,
  { obligations: { limits } }: Decision,
  target: string,
): Promise<Release> {
  if (limits === undefined) return NOTHING_HELD;
  const context = session.context();
  // A limit for each principal is one limit, whoever in a chain of agents it came from.
  const byKey = new Map(
    limits.map((limit) => [chargeFor(limit, context), limit] as const).map((one) => [one[0].key, one] as const),
  );
  const counted = [...byKey.values()];
  const charges = counted.map(([charge]) => charge);
  const time = (): LimitTime => ({ now: clock.now(), monotonic: clock.monotonic() });
  const release = async (at: number): Promise<void> => {
    try {
      await store.release(charges, at, time());
    } catch {
      // Then it counts on, until its window has passed.
    }
  };
  const answer = await inTime(
    async () => store.reserve(charges, time()),
    (done) => clock.schedule(STORE_DEADLINE_MS, done),
    (late) => late?.ok === true && release(late.at),
  );
  const refusing = answer?.ok === false ? counted[answer.charge]?.[1] : undefined;
  if (answer?.ok === false && refusing !== undefined) throw exceeded(refusing, answer.retryAfterMs, target);
  // Anything but an answer is none. The cause of a failure is left out: it may carry the address and password of a database.
  if (answer?.ok !== true)
    throw new GuardError("STORE_UNAVAILABLE", { target, message: "The store that counts limits failed or hangs." });
  return () => release(answer.at);
}

/** What the store answers, or null where it fails or does not answer in time; a late answer is given to `onLate`. */
function inTime(
  ask: () => Promise<LimitAnswer>,
  schedule: (done: () => void) => () => void,
  onLate: (answer: LimitAnswer) => unknown,
): Promise<LimitAnswer | null> {
  return new Promise((resolve) => {
    let isLate = false;
    const cancel = schedule(() => {
      isLate = true;
      resolve(null);
    });
    ask().then(
      (answer) => {
        cancel();
        if (isLate) onLate(answer);
        else resolve(answer);
      },
      () => {
        cancel();
        resolve(null);
      },
    );
  });
}

/** What is counted together is what has one key: the same limit of the same rule, by the same agent, principal or session. */
function chargeFor({ rule, by, counts, windowMs, max, amount, of }: Limit, context: DecisionContext): LimitCharge {
  const { principal, agent, session } = context;
  const who = {
    agent: [of?.agent ?? agent.id],
    principal: [principal.issuer ?? null, principal.tenant ?? null, principal.id],
    session: [of?.session ?? session.id],
    rule: [],
  }[by];
  return { key: JSON.stringify([rule, counts, windowMs, by, ...who]), amount, max, windowMs };
}

function exceeded({ rule, counts, max, windowMs, by }: Limit, retryAfterMs: number, target: string): GuardError {
  const what = counts === "requests" ? `${max} ${max === 1 ? "request" : "requests"}` : `a sum of ${max} at ${counts}`;
  const terms = `the limit is ${what} in ${windowMs / 1000} s${by === "rule" ? "" : ` for each ${by}`}`;
  const fields = { message: `A limit of rule "${rule}" is used up: ${terms}.`, target, rule };
  if (!Number.isFinite(retryAfterMs))
    return new DeniedError("LIMIT_EXCEEDED", { ...fields, modelReason: `${terms}, and this request alone is over it` });
  const modelReason = `${terms}; it may be tried again in ${Math.ceil(retryAfterMs / 1000)} s`;
  return new DeniedError("LIMIT_EXCEEDED", { ...fields, modelReason, retryAfterMs: Math.ceil(retryAfterMs) });
}
