import type { Limit, Obligations } from "./decision.js";
import type { CompiledRule } from "./rule.js";

const NONE: readonly Limit[] = [];
const SYNC_ORDER = ["os", "group", "strict"] as const;
const RECORD_ORDER = ["none", "metadata", "request", "response", "both"] as const;

/**
 * What the matching rules ask for together. Scopes and approval terms come from the deciding rule; masking, recording
 * and limits add up over all that match.
 */
export function obligationsOf(
  credential: string | undefined,
  deciding: CompiledRule,
  matching: readonly CompiledRule[],
  limits: readonly Limit[] = NONE,
): Obligations {
  const levels = new Set(matching.map((rule) => rule.record));
  const highest =
    levels.has("request") && levels.has("response") ? "both" : RECORD_ORDER.findLast((level) => levels.has(level));
  const sync = SYNC_ORDER.findLast((mode) => matching.some((rule) => rule.sync === mode));
  return sealed({
    ...(credential === undefined ? {} : { credential }),
    ...deciding.narrowing,
    mask: matching.length === 1 ? deciding.mask : Object.freeze([...new Set(matching.flatMap((rule) => rule.mask))]),
    record: highest ?? "metadata",
    ...(sync === undefined ? {} : { sync }),
    ...(limits.length === 0 ? {} : { limits }),
    ...(deciding.approval === undefined ? {} : { approval: sealed(deciding.approval) }),
  });
}

/** Frozen, and without a prototype: a key that is not there must not be found on a polluted `Object.prototype`. */
export const sealed = <Data extends object>(data: Data): Data =>
  Object.freeze(Object.assign(Object.create(null), data) as Data);

/** What a denial asks for. */
export const NO_OBLIGATIONS: Obligations = sealed({ mask: Object.freeze([]), record: "metadata" });
