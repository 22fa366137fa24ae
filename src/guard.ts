import { randomUUID } from "node:crypto";
import { type ApprovalDesk, createApprovalDesk } from "./approval/index.js";
import { type AuditLog, type AuditSigner, openAuditLog, type SessionLog } from "./audit/index.js";
import { createTokenBroker, Secret } from "./broker/index.js";
import { createDropLog } from "./call/dropped-headers.js";
import { recordApproval, recordCredential } from "./call/event-record.js";
import {
  certifiedServices,
  checkAgainstPolicy,
  openTransport,
  readGuardOptions,
  readPolicySource,
} from "./check-options.js";
import {
  type CheckedSessionOptions,
  readIdentity,
  readRevoked,
  readSessionOptions,
  readWait,
} from "./check-session.js";
import { systemClock } from "./clock.js";
import { endInTurn } from "./end-in-turn.js";
import { GuardError, OptionsError } from "./errors/guard-error.js";
import type { GuardParts, SessionState } from "./guard-parts.js";
import type { VerifiedIdentity } from "./identity/index.js";
import { createMasker, type Masker, type MaskerOptions } from "./masking/index.js";
import { Openings } from "./openings.js";
import { defaultLog } from "./operational-log.js";
import type { GuardOptions, PolicySource, SessionOptions, WatchedPolicy } from "./options.js";
import { revokeOrphans } from "./orphans.js";
import {
  type Agent,
  compilePolicy,
  type DelegationLink,
  type Policy,
  type PolicyDocument,
  type Predicates,
} from "./policy/index.js";
import { loadLibrariesFor } from "./policy/libraries.js";
import { readPolicyFile } from "./policy-file.js";
import { watchFiles } from "./policy-watch.js";
import { createRecorder } from "./recording/index.js";
import { createSession, type Session } from "./session.js";
import { memoryStore } from "./store/index.js";
import { memorySent } from "./store/memory-store.js";
import { sealPassages } from "./transport/index.js";
import { createVaults } from "./vaults.js";

/** The composition root: one policy, one record, and the parts that all sessions share. */
export interface Guard {
  /** Begins a session for one principal and one agent. @throws GuardError, OptionsError */
  openSession(options: SessionOptions, wait?: { readonly signal?: AbortSignal }): Promise<Session>;
  /** Puts another policy in force. Requests that wait are judged again under it; a file is no longer watched. @throws PolicyError; the old one then stays */
  setPolicy(policy: PolicySource): Promise<void>;
  /**
   * Ends every session of an agent at once, also one that is being opened: nothing more is sent, credentials are revoked, and everything that it has asked
   * people is taken back, with the approvals that it has not used.
   */
  revoke(who: { readonly agent: string }): Promise<void>;
  /** Lets another key sign the record from now on; the old one signs that it is so. @throws OptionsError, AuditUnavailableError */
  rotateAuditSigner(next: AuditSigner): void;
  /** What approvers' systems need. */
  readonly approvals: Pick<ApprovalDesk, "decide" | "get" | "list" | "cancel" | "revoke" | "wait">;
  /** Ends all sessions, signs the record and closes all connections. Idempotent. */
  close(): Promise<void>;
}

/**
 * Makes a guard.
 *
 * @throws OptionsError, PolicyError with every problem at once; AuditUnavailableError where no record can be kept.
 */
export const createGuard = (given: GuardOptions): Promise<Guard> => composeGuard(given, openAuditLog);

/** The same with another record, which `sallyport/testing` keeps in memory. */
export async function composeGuard(given: GuardOptions, openAudit: typeof openAuditLog): Promise<Guard> {
  const options = readGuardOptions(given);
  const source = sourceOf(options.policy);
  const policyFiles = new Set<string>();
  let policy = await loadPolicy(source, options.predicates, policyFiles);
  checkAgainstPolicy(policy, options);
  const clock = options.clock ?? systemClock;
  const log = options.log ?? (await defaultLog());
  const {
    unmaskable = "pass",
    placeholders = {},
    ...maskerOptions
  } = options.masking === false ? {} : (options.masking ?? {});
  const masker = options.masking === false ? null : createMasker(maskerOptions);
  const sessions = new Map<string, OpenSession>();
  const openings = new Openings();
  const recordOf = (sessionId: string): SessionLog | undefined => sessions.get(sessionId)?.record;

  const { onDeny = "auto", store: ownStore, ...approvals } = options.approvals ?? {};
  const isAsking = approvals.request !== undefined && ownStore === undefined;
  const store =
    options.store ?? memoryStore(isAsking ? { warn: (message) => log.warn({ part: "store" }, message) } : {});
  const broker = createTokenBroker({
    providers: options.credentials ?? {},
    clock,
    ...(store.credentials === undefined ? {} : { leases: store.credentials }),
    onEvent: (event) => recordCredential(recordOf(event.session), event, log),
  });
  const desk = createApprovalDesk({
    ...approvals,
    store: ownStore ?? store.approvals,
    clock,
    randomId: randomUUID,
    onEvent: (event) => recordApproval(recordOf(event.sessionId) ?? answersRecord(), event),
  });
  const transport = openTransport(options.transport);
  // Last, when nothing else can fail any more: it takes a lock.
  const {
    directory = "./audit",
    sync,
    signer,
    anchors = [],
    sinks = [],
    onFailure = "deny",
    captureBytes = 256 * 1024,
  } = options.audit ?? {};
  const audit = await openAudit({
    directory,
    sync: sync ?? "group",
    ...(signer === undefined ? {} : { signer }),
    anchors,
    sinks,
    onFailure,
    clock,
    secrets: () => broker.knownSecrets(),
    warn: (message) => log.warn({ part: "audit" }, message),
  });
  await revokeOrphans(broker, log);
  audit.policyLoaded({ ...(policy.id === undefined ? {} : { id: policy.id }), hash: policy.hash });
  const tokenises = Object.values(maskerOptions.strategies ?? {}).includes("tokenise");
  const parts: GuardParts = {
    clock,
    policy: () => policy,
    predicateTimeoutMs: options.predicateTimeoutMs ?? 2_000,
    broker,
    limits: store.limits,
    desk,
    sent: store.sent ?? memorySent(),
    masker,
    placeholders: tokenises ? placeholders : null,
    vaults: tokenises ? createVaults(placeholders, clock) : null,
    approverMasker: createApproverMasker(maskerOptions),
    onDeny: onDeny === "auto" ? "throw" : onDeny,
    // The record's own mask: every detector, whatever the agent may see, and nothing shown in part.
    recorder: createRecorder(
      () =>
        createMasker({
          ...(maskerOptions.custom === undefined ? {} : { custom: maskerOptions.custom }),
          ...(maskerOptions.paths === undefined ? {} : { paths: maskerOptions.paths }),
          ...(maskerOptions.regions === undefined ? {} : { regions: maskerOptions.regions }),
        }),
      captureBytes,
    ),
    unmaskable,
    transport,
    certified: certifiedServices(options.transport),
    dropLog: createDropLog(log),
    sync: { safe: sync ?? "os", unsafe: sync ?? "group" },
    log,
  };
  let closing: Promise<void> | undefined;

  /** What people and time do to questions of sessions that are over goes into a record of its own. */
  let answers: SessionLog | undefined;
  const answersRecord = (): SessionLog => {
    answers ??= audit.openSession(sessionOfAnswers(randomUUID()));
    return answers;
  };
  await desk.resume();

  const openSession = async (given: SessionOptions, wait: { readonly signal?: AbortSignal } = {}): Promise<Session> => {
    if (closing !== undefined) throw new GuardError("GUARD_CLOSED");
    const asked = readSessionOptions(given);
    const { signal } = readWait(wait);
    sealPassages(); // from here on agent code runs; what opens sockets for the guard is there
    const now = clock.now();
    const parent = parentOf(asked.parent);
    // What a stop goes by must be what the session then has: the caller's object may change meanwhile.
    const agent = freezeCopy(asked.agent);
    const opening = openings.begin(agent.id, signal);
    let identity: Awaited<ReturnType<typeof identify>> | NonNullable<typeof parent>;
    try {
      identity = parent ?? (await identify(options.identity, asked, opening.signal, now));
      opening.assertWanted();
    } finally {
      opening.end();
    }
    if (closing !== undefined) throw new GuardError("GUARD_CLOSED");
    parent?.state.assertOpen();
    const id = randomUUID();
    const { principal } = identity;
    const facts = {
      id,
      principal: freezeCopy(principal),
      agent,
      purpose: asked.purpose,
      startedAt: now,
      expiresAt: Math.min(now + asked.ttl, identity.expiresAt),
    };
    const record = withChain(
      audit.openSession(transport.kind === "fetch" ? { ...facts, transport: "fetch" } : facts),
      parent?.chain,
    );
    const subjectToken =
      asked.identityToken === undefined ? parent?.state.brokerSession.subjectToken : new Secret(asked.identityToken);
    const brokerSession = Object.freeze({
      id,
      principal: facts.principal,
      agent: facts.agent,
      ...(subjectToken === undefined ? {} : { subjectToken }),
      ...(parent === undefined ? {} : { delegatedBy: parent.chain }),
    });
    const { session, state } = createSession(parts, facts, record, brokerSession, parent?.links ?? [], () => {
      sessions.delete(id);
      parent?.state.children.delete(session);
    });
    sessions.set(id, { session, record, state });
    parent?.state.children.add(session);
    return session;
  };

  /** The session a task is handed on from: one of this guard's, open, and not at the end of a chain that is too long. */
  const parentOf = (given: Session | undefined): Parent | undefined => {
    if (given === undefined) return undefined;
    const known = sessions.get(given.id);
    if (known?.session !== given) throw new GuardError("SESSION_CLOSED");
    const chain = Object.freeze([...(known.state.brokerSession.delegatedBy ?? []), given.agent]);
    if (chain.length >= MAX_ACTORS) {
      throw new OptionsError([{ pointer: "/parent", message: `a task is handed on at most ${MAX_ACTORS - 1} times` }]);
    }
    const { agent, session, delegatedBy = [] } = known.state.context();
    const links = Object.freeze([...delegatedBy, Object.freeze({ agent, session })]);
    return { principal: given.principal, expiresAt: given.expiresAt.getTime(), state: known.state, chain, links };
  };

  const putInForce = (next: Policy): void => {
    audit.policyLoaded({ ...(next.id === undefined ? {} : { id: next.id }), hash: next.hash });
    policy = next;
  };
  let isWatching = isWatched(options.policy);
  const reload = async (): Promise<void> => {
    const files = new Set<string>();
    try {
      const next = await loadPolicy(source, options.predicates, files);
      checkAgainstPolicy(next, options);
      if (!isWatching || next.hash === policy.hash) return;
      putInForce(next);
      log.info({ policy: next.id, hash: next.hash }, "the policy file has changed and is in force");
    } catch (error) {
      log.error(
        { error: String(error) },
        "the policy file has changed and does not load: the policy before it stays in force",
      );
    } finally {
      watching?.follow(files);
    }
  };
  const watching = isWatching
    ? watchFiles(clock, reload, (error) =>
        log.error({ error: String(error) }, "a file of the policy is no longer watched"),
      )
    : undefined;
  watching?.follow(policyFiles);
  const unwatch = (): void => {
    isWatching = false;
    watching?.end();
  };

  const closeAll = (): Promise<void> =>
    endInTurn([
      unwatch,
      // Before the sessions: what is open when a process ends is answered in the next one.
      () => desk.close(),
      () => Promise.allSettled([...sessions.values()].map(({ session }) => session.close())),
      () => parts.vaults?.close(),
      () => broker.close(),
      () => parts.transport.close(),
      () => audit.close(),
    ]);

  return Object.freeze({
    openSession,
    async setPolicy(next: PolicySource) {
      const loaded = await loadPolicy(readPolicySource(next), options.predicates);
      checkAgainstPolicy(loaded, options);
      unwatch();
      putInForce(loaded);
    },
    async revoke(who: { readonly agent: string }) {
      const { agent } = readRevoked(who);
      parts.vaults?.forget(agent);
      openings.stop(agent);
      const hit = [...sessions.values()].filter(({ session }) => session.agent.id === agent);
      const closed = await Promise.allSettled(hit.map(({ session }) => session.close()));
      // After its sessions, which could still ask; and also where one of them could not be closed in every part.
      await desk.withdraw({ agent });
      for (const one of closed) if (one.status === "rejected") throw one.reason;
    },
    rotateAuditSigner: (next: AuditSigner) => audit.rotateSigner(next),
    approvals: Object.freeze({
      decide: desk.decide,
      get: desk.get,
      list: desk.list,
      cancel: desk.cancel,
      revoke: desk.revoke,
      wait: desk.wait,
    }),
    close() {
      closing ??= closeAll();
      return closing;
    },
  });
}

const isWatched = (policy: GuardOptions["policy"]): policy is WatchedPolicy =>
  typeof policy === "object" && "watch" in policy;

const sourceOf = (policy: GuardOptions["policy"]): PolicySource => (isWatched(policy) ? policy.file : policy);

/** `files` gets the files that are read, also where the policy then does not load. */
async function loadPolicy(
  source: PolicySource,
  predicates: Predicates = {},
  files: Set<string> = new Set(),
): Promise<Policy> {
  if (typeof source === "string" || source instanceof URL)
    return compileDocument(await readPolicyFile(source, (file) => files.add(file)), predicates);
  return "decide" in source ? source : compileDocument(source satisfies PolicyDocument, predicates);
}

async function compileDocument(document: PolicyDocument, predicates: Predicates): Promise<Policy> {
  await loadLibrariesFor(document);
  return compilePolicy(document, { predicates });
}

async function identify(
  verifier: GuardOptions["identity"],
  asked: CheckedSessionOptions,
  signal: AbortSignal,
  now: number,
): Promise<VerifiedIdentity> {
  if (asked.principal !== undefined) return { principal: asked.principal, expiresAt: Number.POSITIVE_INFINITY };
  if (verifier === undefined || asked.identityToken === undefined) {
    throw new GuardError("IDENTITY_REFUSED", {
      message: "An identityToken was given, but the guard has no `identity` to verify it with.",
    });
  }
  // Somebody else's code: what it gives is read once, and a time that is none would never come.
  const { principal, expiresAt } = readIdentity(await verifier.verify(asked.identityToken, { signal, now }));
  if (!(expiresAt > now)) throw new GuardError("IDENTITY_REFUSED", { message: "The identity token has expired." });
  return { principal, expiresAt };
}

/** Until the end of what a date can hold: it ends with the guard. */
const FOREVER_MS = 8.64e15;

const sessionOfAnswers = (id: string): Parameters<AuditLog["openSession"]>[0] => ({
  id,
  principal: { id: "approvers", type: "service" },
  agent: { id: "sallyport" },
  purpose: "answers to questions of sessions that are over",
  expiresAt: FOREVER_MS,
});

/**
 * An approver must see what they say yes to: names, addresses, account numbers. What is masked for them is what nobody needs
 * in order to decide: secrets, and all but the last digits of cards and social security numbers.
 */
const createApproverMasker = ({ allow, custom }: MaskerOptions): Masker =>
  createMasker({
    detectors: ["JWT", "PRIVATE_KEY", "SECRET", "URL_CREDENTIALS", "CREDIT_CARD", "US_SSN"],
    strategies: { CREDIT_CARD: "partial", US_SSN: "partial" },
    ...(allow === undefined ? {} : { allow }),
    ...(custom === undefined ? {} : { custom }),
  });

interface OpenSession {
  readonly session: Session;
  readonly record: SessionLog;
  readonly state: SessionState;
}

interface Parent extends VerifiedIdentity {
  readonly state: SessionState;
  /** The agents so far, outermost first, … */
  readonly chain: readonly Agent[];
  /** … and each with its session. */
  readonly links: readonly DelegationLink[];
}

/** The record of a session whose task was handed on: each line names the agents it came through. */
function withChain(record: SessionLog, chain: readonly Agent[] = []): SessionLog {
  if (chain.length === 0) return record;
  const on_behalf_of = chain.map(({ id }) => id);
  return {
    ...record,
    append: (event) => record.append({ ...event, on_behalf_of }),
    appendSoon: (event) => record.appendSoon({ ...event, on_behalf_of }),
  };
}

/** How many agents may act one for another. */
const MAX_ACTORS = 5;

/** Callers keep their objects; what a decision rests on must not change under it. */
const freezeCopy = <Data extends object>(data: Data): Data => deepFreeze(structuredClone(data));

function deepFreeze<Data>(data: Data): Data {
  if (typeof data === "object" && data !== null) {
    for (const value of Object.values(data)) deepFreeze(value);
    Object.freeze(data);
  }
  return data;
}
