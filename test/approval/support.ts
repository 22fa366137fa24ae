import { createHash } from "node:crypto";
import {
  type ApprovalCallback,
  type ApprovalControl,
  type ApprovalDesk,
  type ApprovalDeskOptions,
  type ApprovalDraft,
  type ApprovalEvent,
  type ApprovalRequest,
  type ApprovalStore,
  type Approver,
  createApprovalDesk,
} from "../../src/approval/index.js";
import { isGuardError } from "../../src/errors/guard-error.js";
import { describeBody } from "../../src/request/body/describe-body.js";
import { fingerprintOf } from "../../src/request/fingerprint.js";
import { memoryStore } from "../../src/store/index.js";
import { type FakeClock, fakeClock } from "../support/fake-clock.js";

export const ANN: Approver = { id: "ann", idp: "https://idp.example" };
export const BEN: Approver = { id: "ben", idp: "https://idp.example" };

/** A draft as the guard would make it, with a true fingerprint of its body and subject. */
export function draftOf(change: Partial<ApprovalDraft> = {}, body = '{"amount":100}'): ApprovalDraft {
  const subject = change.subject ?? { tenant: "acme", agent: "billing-bot", onBehalfOf: "u1" };
  const bytes = new TextEncoder().encode(body);
  const http = { method: "POST", origin: "https://ledger.internal.example", path: "/v1/refunds", query: [] };
  return {
    sessionId: "s1",
    fingerprint: fingerprintOf({
      method: http.method,
      origin: http.origin,
      path: http.path,
      search: "",
      service: "ledger",
      tenant: subject.tenant,
      agent: subject.agent,
      ...(subject.onBehalfOf === undefined ? {} : { onBehalfOf: subject.onBehalfOf }),
      body: describeBody(bytes, "application/json"),
      headers: [],
    }),
    subject,
    http: {
      ...http,
      contentType: "application/json",
      headers: {},
      body: {
        bytes: bytes.length,
        sha256: createHash("sha256").update(bytes).digest("hex"),
        preview: body,
        truncated: false,
      },
    },
    why: { ruleId: "refunds", policyDigest: "sha256:p1" },
    ...change,
  };
}

export interface Bench {
  readonly clock: FakeClock;
  readonly store: ApprovalStore;
  readonly desk: ApprovalDesk;
  readonly events: ApprovalEvent[];
  /** What the callback was asked, in order. */
  readonly asked: ApprovalRequest[];
  obtain(
    draft?: ApprovalDraft,
    options?: { signal?: AbortSignal; waitMs?: number; expiresMs?: number },
  ): Promise<string>;
}

let ids = 0;

/** A desk on a memory store and a fake clock. The callback answers `pending` unless another one is given. */
export function bench(
  options: Partial<ApprovalDeskOptions> & { readonly clock?: FakeClock } = {},
  callback: ApprovalCallback = async (_request, control) => control.pending(),
): Bench {
  const clock = options.clock ?? fakeClock();
  const store = options.store ?? memoryStore().approvals;
  const events: ApprovalEvent[] = [];
  const asked: ApprovalRequest[] = [];
  const desk = createApprovalDesk({
    randomId: () => `id${++ids}`,
    onEvent: (event) => void events.push(event),
    request: Object.assign(
      (request: ApprovalRequest, control: ApprovalControl) => {
        asked.push(request);
        return callback(request, control);
      },
      callback.asksHere === undefined ? {} : { asksHere: callback.asksHere },
    ),
    ...options,
    store,
    clock,
  });
  return {
    clock,
    store,
    desk,
    events,
    asked,
    /** `sent` after a grant that is then consumed, otherwise the code of the refusal. */
    async obtain(draft = draftOf(), wishes = {}) {
      try {
        const grant = await desk.obtain(draft, { signal: new AbortController().signal, ...wishes });
        await grant.settle("consumed");
        return "sent";
      } catch (error) {
        if (isGuardError(error)) return error.code;
        throw error;
      }
    },
  };
}

/** Lets promises and immediates run. */
export const settled = async (): Promise<void> => {
  for (let turn = 0; turn < 4; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
};

/** A decision by hand, as an approver's own system would send it. */
export const decisionOn = (
  request: ApprovalRequest,
  verdict: "approve" | "deny",
  by: Approver = ANN,
  nonce = `n${++ids}`,
) => ({
  approvalId: request.id,
  fingerprint: request.fingerprint,
  verdict,
  by,
  at: request.createdAt,
  nonce,
});
