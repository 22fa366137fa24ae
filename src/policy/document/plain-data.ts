import type { ConfigurationProblem } from "../../errors/guard-error.js";
import { pointerToken } from "./pointer.js";

/** As deep as any document of ours can sensibly be; a cycle ends here too. */
const MAX_DEPTH = 64;

/**
 * A frozen copy of JSON data, read once, in objects without a prototype: what is checked is what is used, whatever getters
 * the source has, whoever changes it later and whatever somebody has put on `Object.prototype`. Members that are
 * undefined are left out; anything else that JSON does not have goes to `report`.
 */
export function plainCopy(source: unknown, report: (problem: ConfigurationProblem) => void): unknown {
  return copy(source, "", 0, report);
}

function copy(
  value: unknown,
  pointer: string,
  depth: number,
  report: (problem: ConfigurationProblem) => void,
): unknown {
  if (typeof value === "string" || typeof value === "boolean" || value === null || Number.isFinite(value)) return value;
  const message = depth > MAX_DEPTH ? `is nested more than ${MAX_DEPTH} levels deep` : "is not JSON data";
  if (depth <= MAX_DEPTH && Array.isArray(value)) {
    return Object.freeze(value.map((item, index) => copy(item, `${pointer}/${index}`, depth + 1, report)));
  }
  if (depth > MAX_DEPTH || !isRecord(value)) {
    report({ pointer, message });
    return null;
  }
  const members: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value)) {
    const member = value[key];
    if (member !== undefined) members[key] = copy(member, `${pointer}/${pointerToken(key)}`, depth + 1, report);
  }
  return Object.freeze(members);
}

/** A literal object of any realm: its prototype, if it has one, is the end of the chain. */
function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
