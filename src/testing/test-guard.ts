import { randomUUID } from "node:crypto";
import type { ApprovalCallback, ApprovalRecord, ApprovalRequest, Approver } from "../approval/index.js";
import { type MemoryAuditLog, openMemoryLog, type RecordedEvent } from "../audit/memory-log.js";
import { composeGuard, type Guard } from "../guard.js";
import type { GuardOptions, SessionOptions } from "../options.js";
import type { Session } from "../session.js";
import { type TestClock, testClock } from "./test-clock.js";

/** What the person of a test decides: at once, or later (`pending`), through {@link TestGuard.decide}. */
export type TestVerdict = "approve" | "deny" | "pending";

/** How a test guard is made. What is left out has the default of `createGuard`, but for what is said here. */
export interface TestGuardOptions extends Omit<GuardOptions, "approvals" | "audit" | "clock" | "log" | "transport"> {
  /** Default: one that moves only when told to. */
  readonly clock?: TestClock;
  /** What the person decides, for all requests or for each. Default `pending`; such a call is not held. */
  readonly approvals?: TestVerdict | ((request: ApprovalRequest) => TestVerdict | Promise<TestVerdict>);
  /**
   * What services respond; no packet leaves. Default: status 200 and an empty JSON object. `mswTransport()` goes through
   * `globalThis.fetch`, which msw intercepts.
   */
  readonly respond?: (request: Request) => Response | Promise<Response>;
  readonly log?: NonNullable<GuardOptions["log"]>;
}

/** A guard for tests: everything is judged, approved, masked and recorded as always, in memory. */
export interface TestGuard extends Guard {
  readonly clock: TestClock;
  /** What people were asked, in order. */
  readonly questions: readonly ApprovalRequest[];
  /** What was sent, in order: `METHOD url`. */
  readonly sent: readonly string[];
  /** Every event of the record so far, as it would stand in a file. */
  recordedEvents(): readonly RecordedEvent[];
  /** Opens a session; what is not said is `ada`, `test-agent` and `a test`. */
  testSession(change?: Partial<SessionOptions>): Promise<Session>;
  /** Decides about an approval as somebody who may; default: the one that was asked last. */
  decide(verdict: "approve" | "deny", question?: ApprovalRequest): Promise<ApprovalRecord>;
}

const silent = (): void => undefined;
const SILENT: NonNullable<GuardOptions["log"]> = { debug: silent, info: silent, warn: silent, error: silent };

/** Makes a guard for a test: without disk, without network, with its own time and a person who does as told. */
export async function createTestGuard(options: TestGuardOptions): Promise<TestGuard> {
  const {
    clock = testClock(),
    approvals = "pending",
    respond = () => Response.json({}),
    log = SILENT,
    ...rest
  } = options;
  const questions: ApprovalRequest[] = [];
  const sent: string[] = [];
  const verdictOn = typeof approvals === "function" ? approvals : () => approvals;
  const request: ApprovalCallback = async (asked, control) => {
    questions.push(asked);
    const verdict = await verdictOn(asked);
    if (verdict === "pending") return control.pending({ hold: false });
    if (verdict !== "approve" && verdict !== "deny") throw new TypeError("the person of the test decides nothing");
    return control[verdict](approverOf(asked));
  };
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const outgoing = new Request(input, init);
    sent.push(`${outgoing.method} ${outgoing.url}`);
    return await respond(outgoing);
  };
  let record: MemoryAuditLog | undefined;
  const given: GuardOptions = {
    ...rest,
    clock,
    log,
    transport: { fetch },
    approvals: { request },
  };
  const guard = await composeGuard(given, async ({ secrets = () => [] }) => {
    record = openMemoryLog({ clock, secrets });
    return record;
  });
  return Object.freeze({
    ...guard,
    clock,
    questions,
    sent,
    recordedEvents: () => record?.events() ?? [],
    testSession: (change: Partial<SessionOptions> = {}) => {
      const { principal, identityToken, parent } = change;
      const isNamed = principal !== undefined || identityToken !== undefined || parent !== undefined;
      const asked = { agent: { id: "test-agent" }, purpose: "a test", ...change };
      return guard.openSession({
        ...asked,
        ...(isNamed ? {} : { principal: { id: "ada", type: "human" } }),
      } as SessionOptions);
    },
    async decide(verdict: "approve" | "deny", question = questions.at(-1)) {
      if (question === undefined) throw new TypeError("nobody was asked anything");
      return await guard.approvals.decide({
        approvalId: question.id,
        fingerprint: question.fingerprint,
        verdict,
        by: approverOf(question),
        at: new Date(clock.now()).toISOString(),
        nonce: randomUUID(),
      });
    },
  });
}

/** Somebody whom the rule and the quorum let decide. */
function approverOf({ approvers = [], quorum }: ApprovalRequest): Approver {
  const named = [...approvers, ...quorum.entries.flatMap(({ from }) => (from === undefined ? [] : [from]))];
  const groups = named.flatMap((name) => (name.startsWith("group:") ? [name.slice("group:".length)] : []));
  const id = named.find((name) => !name.startsWith("group:")) ?? "test-approver";
  return { id, idp: "test", groups };
}

/** For `respond`: lets msw respond, in a line. Calls `globalThis.fetch` as it is when the request is sent. */
export const mswTransport = (): ((request: Request) => Promise<Response>) => (request) => globalThis.fetch(request);
