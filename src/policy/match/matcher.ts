import type { ConfigurationProblem } from "../../errors/guard-error.js";
import type { MatcherDocument, OperatorsDocument, Scalar } from "../document/document.js";
import { compileExpression } from "./expression.js";

/**
 * What a matcher says of one value. `wrong-type` is for a comparison that makes no sense, such as the string `"100"` with
 * a number: it fails an allow and fires a deny.
 */
export type MatchResult = "yes" | "no" | "wrong-type";

/** A compiled matcher: for one value that is there, and for no value at all. */
export interface Matcher {
  readonly test: (value: unknown) => MatchResult;
  /** Whether the clause holds when the value is absent: `optional`, `not` and `exists: false` do. */
  readonly whenAbsent: boolean;
  /** What is expected, in words for an explanation: from the policy, so never a secret of the request. */
  readonly expected: string;
}

type Test = (value: unknown) => MatchResult;

const answer = (holds: boolean): MatchResult => (holds ? "yes" : "no");

/** Compiles a matcher; problems go to `report`, and the matcher returned then matches nothing. */
export function compileMatcher(
  document: MatcherDocument,
  pointer: string,
  report: (problem: ConfigurationProblem) => void,
): Matcher {
  if (Array.isArray(document)) {
    return { test: isOneOf(document), whenAbsent: false, expected: `one of ${quote(document)}` };
  }
  if (typeof document !== "object" || document === null) {
    const scalar = document as Scalar;
    return { test: equals(scalar), whenAbsent: false, expected: quote(scalar) };
  }
  return compileOperators(document as OperatorsDocument, pointer, report);
}

function compileOperators(
  document: OperatorsDocument,
  pointer: string,
  report: (problem: ConfigurationProblem) => void,
): Matcher {
  const tests: Test[] = [];
  const words: string[] = [];
  /** Whether there is a `not`, of something that absence does not fulfil. */
  let notOfPresent = false;
  const add = (word: string, test: Test): void => {
    words.push(word);
    tests.push(test);
  };
  const {
    eq,
    in: list,
    gt,
    gte,
    lt,
    lte,
    prefix,
    suffix,
    contains,
    matches,
    minLength,
    maxLength,
    exists,
    not,
    optional,
  } = document;
  if (eq !== undefined) add(quote(eq), equals(eq));
  if (list !== undefined) add(`one of ${quote(list)}`, isOneOf(list));
  if (gt !== undefined)
    add(
      `> ${gt}`,
      number((n) => n > gt),
    );
  if (gte !== undefined)
    add(
      `>= ${gte}`,
      number((n) => n >= gte),
    );
  if (lt !== undefined)
    add(
      `< ${lt}`,
      number((n) => n < lt),
    );
  if (lte !== undefined)
    add(
      `<= ${lte}`,
      number((n) => n <= lte),
    );
  if (prefix !== undefined)
    add(
      `starting with ${quote(prefix)}`,
      text((t) => t.startsWith(prefix)),
    );
  if (suffix !== undefined)
    add(
      `ending with ${quote(suffix)}`,
      text((t) => t.endsWith(suffix)),
    );
  if (contains !== undefined) add(`containing ${quote(contains)}`, includes(contains));
  if (minLength !== undefined)
    add(
      `at least ${minLength} long`,
      length((n) => n >= minLength),
    );
  if (maxLength !== undefined)
    add(
      `at most ${maxLength} long`,
      length((n) => n <= maxLength),
    );
  if (matches !== undefined) add(`matching ${quote(matches)}`, expression(matches, `${pointer}/matches`, report));
  if (not !== undefined) {
    const inner = compileMatcher(not, `${pointer}/not`, report);
    add(`not ${inner.expected}`, negate(inner.test));
    notOfPresent = !inner.whenAbsent;
  }
  if (exists !== undefined) add(exists ? "present" : "absent", () => answer(exists));
  return {
    test: allOf(tests),
    // `exists: true` makes presence a demand, whatever else is said.
    whenAbsent: exists === undefined ? optional === true || (notOfPresent && tests.length === 1) : !exists,
    expected: (optional === true ? [...words, "or absent"] : words).join(", ") || "anything",
  };
}

const allOf =
  (tests: readonly Test[]): Test =>
  (value) => {
    let result: MatchResult = "yes";
    for (const test of tests) {
      const one = test(value);
      if (one === "wrong-type") return one;
      if (one === "no") result = "no";
    }
    return result;
  };

const negate =
  (test: Test): Test =>
  (value) => {
    const result = test(value);
    return result === "wrong-type" ? result : answer(result === "no");
  };

/** Equality is strict in type. A value of another type is no equal: for a deny that is doubt, and doubt fires. */
const equals =
  (expected: Scalar): Test =>
  (value) =>
    value === expected ? "yes" : sameType(value, expected) ? "no" : "wrong-type";

function isOneOf(list: readonly Scalar[]): Test {
  const set = new Set<unknown>(list);
  return (value) => {
    if (set.has(value)) return "yes";
    return list.some((item) => sameType(value, item)) ? "no" : "wrong-type";
  };
}

const sameType = (a: unknown, b: unknown): boolean =>
  typeof a === typeof b && (a === null) === (b === null) && !(typeof a === "string" && isCut(a));

/** A reader in C ends a text at NUL, and has read `admin` where another has read `admin\0x`. */
const isCut = (text: string): boolean => text.includes("\0");

const number =
  (holds: (value: number) => boolean): Test =>
  (value) =>
    typeof value === "number" ? answer(holds(value)) : "wrong-type";

const text =
  (holds: (value: string) => boolean): Test =>
  (value) =>
    typeof value === "string" && !isCut(value) ? answer(holds(value)) : "wrong-type";

const length =
  (holds: (length: number) => boolean): Test =>
  (value) => {
    if (typeof value === "string") return answer(holds([...value].length));
    return Array.isArray(value) ? answer(holds(value.length)) : "wrong-type";
  };

const includes =
  (part: Scalar): Test =>
  (value) => {
    if (Array.isArray(value)) return answer(value.includes(part));
    const isText = typeof value === "string" && typeof part === "string" && !isCut(value);
    return isText ? answer(value.includes(part)) : "wrong-type";
  };

function expression(pattern: string, pointer: string, report: (problem: ConfigurationProblem) => void): Test {
  try {
    return text(compileExpression(pattern));
  } catch {
    report({ pointer, message: "is not an expression that RE2 accepts (no look-around, no back-references)" });
    return () => "wrong-type";
  }
}

const quote = (value: unknown): string => {
  const json = JSON.stringify(value);
  return json.length > 120 ? `${json.slice(0, 117)}…` : json;
};
