import { AsyncLocalStorage } from "node:async_hooks";
import { setMaxListeners } from "node:events";
import type { SessionLog } from "./audit/index.js";
import type { BrokerSession } from "./broker/index.js";
import { guardedCall, previewApproval } from "./call/guarded-fetch.js";
import { type FetchOptions, type Manner, mannerOf } from "./call/manner.js";
import type { ApprovalPreview } from "./call/request-approval.js";
import { inRun, type RunOptions } from "./call/tool-run.js";
import { type Client, createSessionClient } from "./client/create-client.js";
import { asFetch } from "./client/guarded-function.js";
import { type ConfigurationProblem, GuardError, OptionsError } from "./errors/guard-error.js";
import type { GuardParts, SessionState } from "./guard-parts.js";
import type { Agent, DelegationLink, Principal } from "./policy/index.js";
import { requireFunction } from "./shapes/index.js";
import { watchAbort } from "./transport/index.js";

/** What a session is opened with, verified and filled in. Times are epoch milliseconds. */
export interface SessionFactsInFull {
  readonly id: string;
  readonly principal: Principal;
  readonly agent: Agent;
  readonly purpose: string;
  readonly startedAt: number;
  readonly expiresAt: number;
}

/** One principal, one agent, one purpose, one end. Everything the agent may do, it does through one of these. */
export interface Session {
  readonly id: string;
  readonly principal: Principal;
  readonly agent: Agent;
  readonly purpose: string;
  /** When it ends by itself. */
  readonly expiresAt: Date;
  /** A drop-in for `fetch`. Denials are thrown as {@link GuardError}s. */
  readonly fetch: typeof globalThis.fetch;
  /**
   * A fetch with another way of saying no (`respond` answers a denial with 403 and a problem document, RFC 9457), or another
   * time for which a call waits for a person. @throws OptionsError
   */
  createFetch(options?: FetchOptions): typeof globalThis.fetch;
  /** An openapi-fetch client over {@link fetch}, with the base URL of the service in the policy. */
  client<Paths extends object>(service: string): Client<Paths>;
  /**
   * Has a person asked about a request, without sending it: opens its approval, or joins the one that is open. The identical
   * call then finds it. Judges the request as a call would be. @throws GuardError where the request is denied, or nobody can be
   * asked
   */
  requestApproval(input: string | URL | Request, init?: RequestInit): Promise<ApprovalPreview>;
  /**
   * Runs `work` so that the ambient `guardedFetch` and `createClient` inside it belong to this session. With options, its ids
   * are in every line of the record below it, and its signal ends all calls below it. @throws OptionsError
   */
  run<Result>(work: () => Result): Result;
  run<Result>(options: RunOptions, work: () => Result): Result;
  /**
   * Refuses everything from now on, revokes the session's credentials, and signs the record. Idempotent. What people were
   * asked stays pending until its own time to live, for a later session of the same principal and agent.
   */
  close(options?: CloseOptions): Promise<void>;
}

/** How a session is closed. */
export interface CloseOptions {
  /**
   * Takes back what this session has asked people, and approvals that are not used. What a call of another session waits for
   * stays. Default false.
   */
  readonly cancelApprovals?: boolean;
}

const ambient = new AsyncLocalStorage<Session>();

/** The session of the `run` that is executing, or undefined. */
export const ambientSession = (): Session | undefined => ambient.getStore();

/** Opens a session over parts that are wired already. `onEnd` is told once it has ended. */
export function createSession(
  parts: GuardParts,
  facts: SessionFactsInFull,
  record: SessionLog,
  brokerSession: BrokerSession,
  delegatedBy: readonly DelegationLink[],
  onEnd: () => void,
): { readonly session: Session; readonly state: SessionState } {
  const lifetime = new AbortController();
  setMaxListeners(0, lifetime.signal); // as many as there are bodies being collected at once; each takes its own away
  // Watched for good: otherwise each call that is alone would add a listener to the signal, and remove it.
  watchAbort(lifetime.signal, { onAbort: () => undefined });
  const endsAt = parts.clock.monotonic() + (facts.expiresAt - facts.startedAt);
  let ending: Promise<void> | undefined;
  let endedWith: ReturnType<SessionState["endedWith"]> = null;
  const end = (code: "SESSION_CLOSED" | "SESSION_EXPIRED", reason: string, cancels = false): Promise<void> => {
    endedWith ??= code;
    ending ??= endSession(parts, state, lifetime, code, reason, cancels).finally(onEnd);
    return ending;
  };
  const cancelExpiry = parts.clock.schedule(facts.expiresAt - facts.startedAt, () => {
    end("SESSION_EXPIRED", "expired").catch((error: unknown) =>
      parts.log.error({ session: facts.id, error: String(error) }, "closing an expired session failed"),
    );
  });
  const sessionFacts = { id: facts.id, purpose: facts.purpose, startedAt: facts.startedAt, expiresAt: facts.expiresAt };
  const state: SessionState = {
    id: facts.id,
    record,
    brokerSession,
    connections: parts.transport.connections(),
    vault: parts.vaults?.open(facts.principal, facts.agent) ?? null,
    signal: lifetime.signal,
    endedWith: () => endedWith,
    exchanges: new Set(),
    children: new Set(),
    assertOpen() {
      if (lifetime.signal.aborted) throw lifetime.signal.reason;
      // Timers can be late, above all after the machine slept.
      if (parts.clock.monotonic() >= endsAt) throw new GuardError("SESSION_EXPIRED");
    },
    context: () => {
      const who = { principal: facts.principal, agent: facts.agent, session: sessionFacts, now: parts.clock.now() };
      return delegatedBy.length === 0 ? who : { ...who, delegatedBy };
    },
  };
  const fetchThat = (manner: Manner) => asFetch((input, init) => guardedCall(parts, state, manner, input, init));
  const fetch = fetchThat({ onDeny: parts.onDeny, waitMs: undefined });
  const session: Session = Object.freeze({
    id: facts.id,
    principal: facts.principal,
    agent: facts.agent,
    purpose: facts.purpose,
    expiresAt: new Date(facts.expiresAt),
    fetch,
    createFetch: (options?: FetchOptions) => fetchThat(mannerOf(options)),
    requestApproval: (input: unknown, init: unknown) => previewApproval(parts, state, input, init),
    client: <Paths extends object>(service: string) => createSessionClient<Paths>(parts.policy(), service, fetch),
    run: <Result>(...given: [() => Result] | [RunOptions, () => Result]): Result => {
      const [options, work] = given.length === 1 ? [undefined, given[0]] : given;
      requireFunction(work, "work");
      return ambient.run(session, options === undefined ? work : () => inRun(options, work));
    },
    close: async (options?: CloseOptions): Promise<void> => {
      const problems = closeProblems(options);
      const cancelApprovals = options?.cancelApprovals === true;
      cancelExpiry();
      const isEnding = ending !== undefined;
      await end("SESSION_CLOSED", "closed", cancelApprovals);
      // Closed before, or expired: its approvals are still there to be taken back.
      if (isEnding && cancelApprovals) await parts.desk.withdraw({ sessionId: facts.id });
      // Only now: a mistake in the options must leave no session open.
      if (problems.length > 0) throw new OptionsError(problems);
    },
  });
  return { session, state };
}

/** The order matters: first nothing new starts, here or in what was handed on, then what is under way is broken off, then credentials go, then the record is signed. */
async function endSession(
  parts: GuardParts,
  state: SessionState,
  lifetime: AbortController,
  code: "SESSION_CLOSED" | "SESSION_EXPIRED",
  reason: string,
  cancelsApprovals: boolean,
): Promise<void> {
  lifetime.abort(new GuardError(code));
  // Listened to from now on: one that rejects while the store is still asked must not be an unhandled rejection.
  const handedOn = Promise.allSettled(
    [...state.children].map((child) => child.close({ cancelApprovals: cancelsApprovals })),
  );
  for (const exchange of [...state.exchanges]) exchange.abandon();
  parts.desk.closeSession(state.id);
  const withdrawing = cancelsApprovals ? parts.desk.withdraw({ sessionId: state.id }) : Promise.resolve();
  const [approvals] = await Promise.allSettled([withdrawing]);
  if (state.vault !== null) parts.vaults?.sessionEnded(state.vault);
  await Promise.allSettled([parts.broker.closeSession(state.id), state.connections.close(), handedOn]);
  await state.record.close(reason);
  // Only now: a store that is down must leave no credential alive and no record unsigned.
  if (approvals.status === "rejected") throw approvals.reason;
}

/** What is wrong with the options of `close`; something that is no object is an event or a signal, where it is a listener. */
function closeProblems(options: unknown): readonly ConfigurationProblem[] {
  if (typeof options !== "object" || options === null) return [];
  return Object.entries(options).flatMap(([key, value]) => {
    if (key !== "cancelApprovals") return [{ pointer: `/${key}`, message: "is not a known option" }];
    return value === undefined || typeof value === "boolean"
      ? []
      : [{ pointer: "/cancelApprovals", message: "must be true or false" }];
  });
}
