import type { CanonicalRequest } from "../request/canonical.js";
import type { Subject } from "./clauses.js";
import type { Considered } from "./decision.js";
import { type CompiledRule, methodBit } from "./rule.js";
import type { CompiledService } from "./service.js";

/** How many rules an explanation looks at and shows: it runs on denials, which an agent can cause at will. */
const LOOKED_AT = 1000;
const SHOWN = 5;

/** The permitting rules that came closest to the request, and the first clause of each that failed. */
export function explainDenial(
  service: CompiledService,
  subject: Subject,
  onPath: readonly CompiledRule[],
): readonly Considered[] {
  const { request } = subject;
  const { method } = request;
  const near = onPath.map((rule) => {
    if ((rule.methods & methodBit(method)) === 0)
      return { rank: 1_000, entry: entry(rule, "method", rule.methodText, method) };
    const failed = rule.clauses.findIndex((clause) => !clause.holds(subject));
    const clause = rule.clauses[failed];
    return clause === undefined
      ? { rank: 1_500, entry: entry(rule, "path", "no %2F in a parameter", "%2F") }
      : { rank: 2_000 + failed, entry: entry(rule, clause.name, clause.expected, clause.got(subject)) };
  });
  const far = near.length > 0 ? [] : byPath(service, request);
  return [...near, ...far]
    .sort((a, b) => b.rank - a.rank || (a.entry.rule < b.entry.rule ? -1 : 1))
    .slice(0, SHOWN)
    .map((one) => one.entry);
}

interface Ranked {
  readonly rank: number;
  readonly entry: Considered;
}

/** Rules for other paths, by how much of the path they share. */
function byPath(service: CompiledService, { segments, method }: CanonicalRequest): readonly Ranked[] {
  return service.rules.slice(0, LOOKED_AT).map((rule) => {
    const template = rule.template?.segments ?? [];
    let shared = 0;
    while (shared < template.length && shared < segments.length) {
      const piece = template[shared];
      if (piece === undefined || ("literal" in piece && piece.literal !== segments[shared])) break;
      shared++;
    }
    const sameMethod = (rule.methods & methodBit(method)) === 0 ? 0 : 1;
    return {
      rank: shared * 2 + sameMethod,
      entry: entry(rule, "path", `${rule.methodText} ${rule.template?.text ?? "/**"}`, "another path"),
    };
  });
}

const entry = (rule: CompiledRule, clause: string, expected: string, got: string): Considered => ({
  rule: rule.id,
  clause,
  expected,
  got,
});
