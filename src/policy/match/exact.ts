import type { Clause, Subject } from "../clauses.js";
import { parsePointer } from "../document/pointer.js";

/** The clause that no query parameter is there but the listed ones. */
export function exactQuery(names: readonly string[]): Clause {
  const listed = new Set(names);
  return {
    name: "exact query",
    expected: names.length === 0 ? "no query parameters" : `no query parameter but ${names.join(", ")}`,
    readsBody: false,
    holds: ({ request }) => request.query.every(([name]) => listed.has(name)),
    got: () => "another parameter",
  };
}

/** The clause that nothing is in the body but what is listed. A body that cannot be read fails an allow and fires a deny. */
export function exactBody(pointers: readonly string[], deny: boolean): Clause {
  const listed = pointers.map((text) => parsePointer(text)?.tokens ?? []);
  const holds = (subject: Subject): boolean => {
    const body = subject.body();
    if (body.kind === "none") return true;
    if (body.kind === "form") return body.pairs.every(([name]) => covering(listed, 0, name).some(endsAt(1)));
    return body.kind === "json" ? isCovered(body.value, listed, 0) : deny;
  };
  return {
    name: "exact body",
    expected: pointers.length === 0 ? "no body fields" : `no body field but ${pointers.join(", ")}`,
    readsBody: true,
    holds,
    got: () => "another field",
  };
}

type Listed = readonly (readonly string[])[];

/** Whether every leaf is covered; an empty object or array is a leaf, except as the whole body. */
function isCovered(value: unknown, listed: Listed, depth: number): boolean {
  if (listed.some(endsAt(depth))) return true;
  if (typeof value !== "object" || value === null) return false;
  const members = Object.entries(value);
  if (members.length === 0) return depth === 0;
  return members.every(([key, inner]) => {
    const further = covering(listed, depth, key);
    return further.length > 0 && isCovered(inner, further, depth + 1);
  });
}

const covering = (listed: Listed, depth: number, key: string): Listed =>
  listed.filter((tokens) => tokens[depth] === key || tokens[depth] === "*");

const endsAt =
  (depth: number) =>
  (tokens: readonly string[]): boolean =>
    tokens.length === depth;
