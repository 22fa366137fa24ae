import { foldedId, hasUnseen } from "../policy/folded-id.js";
import { readPins } from "../policy/pins.js";
import { OURSELVES } from "./own-votes.js";
import type { ApprovalDecision, ApprovalReply, Approver } from "./types.js";

/** A well-formed thing, or what is wrong with it. */
export type Reading<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly problem: string };

const wrong = (problem: string): { readonly ok: false; readonly problem: string } => ({ ok: false, problem });

const MAX_TEXT = 2048;
const MAX_PROOF = 16_384;

/** Reads what a callback answered. Only the two replies there are count; a sentence such as "yes" is not one of them. */
export function readReply(reply: unknown): Reading<ApprovalReply> {
  if (!isObject(reply)) return wrong("the reply is not an object");
  if (reply["kind"] === "pending")
    return { ok: true, value: reply["hold"] === false ? { kind: "pending", hold: false } : { kind: "pending" } };
  if (reply["kind"] !== "decision") return wrong('the reply\'s kind is neither "decision" nor "pending"');
  const decision = readDecision(reply["decision"]);
  return decision.ok ? { ok: true, value: { kind: "decision", decision: decision.value } } : decision;
}

/** Reads a decision into a copy of its own: what was checked cannot change afterwards. */
export function readDecision(decision: unknown): Reading<ApprovalDecision> {
  if (!isObject(decision)) return wrong("the decision is not an object");
  const { approvalId, fingerprint, verdict, at, nonce, reason, emergency, proof } = decision;
  if (!isText(approvalId) || !isText(fingerprint)) return wrong("the decision does not say what it is about");
  if (verdict !== "approve" && verdict !== "deny") return wrong('the verdict is neither "approve" nor "deny"');
  if (!isText(at) || !isText(nonce)) return wrong("the decision has no time or no nonce");
  if (reason !== undefined && typeof reason !== "string") return wrong("the reason is not a text");
  if (emergency !== undefined && emergency !== true) return wrong("emergency is something else than true");
  if (proof !== undefined && !(typeof proof === "string" && proof.length <= MAX_PROOF))
    return wrong("the proof is not a signature");
  const by = readApprover(decision["by"]);
  if (!by.ok) return by;
  const grant = readGrant(decision["grant"]);
  if (!grant.ok) return grant;
  return {
    ok: true,
    value: {
      approvalId,
      fingerprint,
      verdict,
      by: by.value,
      at,
      nonce,
      ...(reason === undefined ? {} : { reason: reason.slice(0, MAX_TEXT) }),
      ...(grant.value === undefined ? {} : { grant: grant.value }),
      ...(emergency === true ? { emergency } : {}),
      ...(proof === undefined ? {} : { proof }),
    },
  };
}

/** Reads who a channel says has answered. */
export function readApprover(by: unknown): Reading<Approver> {
  if (!isObject(by)) return wrong("nobody is named as the approver");
  const { id, idp, groups, authTime, acr } = by;
  if (!isText(id) || !isText(idp)) return wrong("the approver has no id or nobody who vouches for it");
  // Compared without them it would count as somebody else, and compared with them as a second person.
  if (hasUnseen(id) || foldedId(id) === "") return wrong("the approver's id holds characters that cannot be seen");
  if (foldedId(idp) === OURSELVES) return wrong("nobody answers in the name of the library");
  if (groups !== undefined && !(Array.isArray(groups) && groups.length <= 1000 && groups.every(isText))) {
    return wrong("the approver's groups are not a list of names");
  }
  if ((authTime !== undefined && !isText(authTime)) || (acr !== undefined && !isText(acr))) {
    return wrong("the approver's authentication is not a text");
  }
  return {
    ok: true,
    value: {
      id,
      idp,
      ...(groups === undefined ? {} : { groups: groups.filter((group) => !hasUnseen(group)) }),
      ...(authTime === undefined ? {} : { authTime }),
      ...(acr === undefined ? {} : { acr }),
    },
  };
}

function readGrant(grant: unknown): Reading<ApprovalDecision["grant"]> {
  if (grant === undefined) return { ok: true, value: undefined };
  if (!isObject(grant)) return wrong("the grant is not an object");
  // An unknown member may be somebody's idea of a wider grant.
  if (Object.keys(grant).some((key) => key !== "uses" && key !== "ttlMs" && key !== "pins"))
    return wrong("the grant asks for something that a grant cannot be");
  const { ttlMs, uses } = grant;
  if (typeof uses !== "number" || !Number.isSafeInteger(uses) || uses < 1)
    return wrong("the grant's uses are not a number of them");
  if (typeof ttlMs !== "number" || !(ttlMs > 0) || !Number.isFinite(ttlMs))
    return wrong("the grant's life is not a time");
  if (grant["pins"] === undefined) return { ok: true, value: { uses, ttlMs } };
  const pins = readPins(grant["pins"]);
  return pins === null
    ? wrong("the grant's pins are not what pins can be")
    : { ok: true, value: { uses, ttlMs, pins } };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isText = (value: unknown): value is string =>
  typeof value === "string" && value.length > 0 && value.length <= MAX_TEXT;
