import { type PathTemplate, parsePathTemplate } from "../match/path-template.js";
import { isPlainValue } from "../match/plain-value.js";

/** Whether two pieces of JSON are the same, whatever the order of their keys. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const [left, right] = [Object.entries(a), new Map(Object.entries(b))];
  return left.length === right.size && left.every(([key, value]) => right.has(key) && sameJson(value, right.get(key)));
}

/** Whether every path of `inner` is certainly one of `outer`. False where that cannot be shown. */
export function pathCovers(outer: string | undefined, inner: string | undefined): boolean {
  if (outer === inner) return true;
  const [wide, narrow] = [template(outer), template(inner)];
  if (wide === null || narrow === null || (narrow.rest && !wide.rest)) return false;
  const [a, b] = [wide.segments, narrow.segments];
  // An empty segment is another path to an allow, and none to a deny: not compared.
  if (b.some((segment) => "literal" in segment && segment.literal === "")) return false;
  if (wide.rest ? b.length < a.length : a.length !== b.length) return false;
  return a.every((segment, index) => {
    const other = b[index];
    if (other === undefined) return false;
    if ("literal" in segment) return "literal" in other && other.literal === segment.literal;
    // What is taken by a parameter of a deny, whatever its type, is more than by one of an allow: shown of the narrower reading.
    return segment.any || ("param" in other ? !other.any : isPlainValue(other.literal));
  });
}

const template = (text: string | undefined): PathTemplate | null =>
  text === undefined ? null : parsePathTemplate(text, () => {});

/** Whether every verb of `inner` is certainly one of `outer`. */
export function methodsCover(outer: readonly string[] | undefined, inner: readonly string[] | undefined): boolean {
  if (sameJson(outer, inner)) return true;
  if (outer === undefined || inner === undefined) return false;
  return outer.includes("*") || inner.every((method) => outer.includes(method));
}

/** Whether a rule about `outer` speaks of every service in `inner`; left out means every service. */
export function servicesCover(outer: Names, inner: Names): boolean {
  if (outer === undefined) return true;
  const names = [outer].flat();
  return inner !== undefined && [inner].flat().every((name) => names.includes(name));
}

type Names = string | readonly string[] | undefined;
