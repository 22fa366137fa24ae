import { is, LETTER, latin1 } from "../bytes.js";
import { type Detector, NONE, type Probe, type ValueRule, type Verdict } from "../probe.js";
import { assignment, LONGEST_VALUE, VALUE, valueAt, WORD } from "./assignment.js";

/** Judges the values of names in which one of the keywords stands. */
export interface NameRule {
  /** Found in any case. */
  readonly keywords: readonly string[];
  /** What `value` is where the name is `name` (lower case), or null. `whole`: they are all there is of a member of JSON or of a form. */
  readonly judge: (name: string, value: string, whole: boolean) => Judgement | null;
}

export interface Judgement {
  readonly kind: string;
  readonly vendor?: string;
}

/** Shorter keywords count only at the beginning of a word: `aws`, but not in `draws`. */
const SHORT = 5;

/** Values that only their name gives away: `aws_secret_access_key = …` in a text, the member's name in JSON. */
export function nameDetectors(rules: readonly NameRule[]): Detector[] {
  return rules.flatMap((rule) => {
    const named = valueRule(rule);
    return rule.keywords.map((keyword) => ({
      literals: [keyword],
      probe(at: Probe, start: number, afterLiteral: number): Verdict {
        const { bytes, field } = at;
        if (
          keyword.length < SHORT &&
          is(bytes[start], LETTER) &&
          (bytes[start] as number) >= 0x61 &&
          !freshWord(at, start)
        )
          return NONE;
        if (field.role === "name") {
          if (!field.rules.includes(named)) field.rules.push(named);
          return NONE;
        }
        const found = assignment(at, start, afterLiteral);
        if (found === "more") return at.more(start);
        if (found === null) return NONE;
        const name = latin1(bytes, nameStart(at, start), found.nameEnd).toLowerCase();
        return judge(at, rule, name, found.start, found.stop, false);
      },
    }));
  });
}

/** The rule for the value whose field's name contains a keyword: judged from its beginning. */
function valueRule(rule: NameRule): ValueRule {
  return (at) => {
    const value = valueAt(at, at.floor, at.floor + LONGEST_VALUE, WORD);
    if (value === "more") return at.more(at.floor);
    if (value === null) return NONE;
    const whole = value.stop === at.end || value.stop - at.floor >= LONGEST_VALUE;
    return judge(at, rule, at.field.name(), value.start, value.stop, whole);
  };
}

function judge(at: Probe, rule: NameRule, name: string, start: number, stop: number, whole: boolean): Verdict {
  const found = rule.judge(name, latin1(at.bytes, start, stop), whole);
  if (found === null) return NONE;
  const verdict =
    stop - start >= LONGEST_VALUE
      ? at.open(found.kind, start, stop, whole ? WORD : VALUE)
      : at.match(found.kind, start, stop);
  at.vendor = found.vendor;
  return verdict;
}

/** No letter before, or one of another case. */
function freshWord(at: Probe, start: number): boolean {
  return start <= at.floor || !is(at.bytes[start - 1], LETTER);
}

/** Back over the name that a keyword is part of. */
function nameStart(at: Probe, start: number): number {
  const earliest = Math.max(at.contextFloor, start - 32, 0);
  let i = start;
  while (i > earliest && /[\w.-]/.test(String.fromCharCode(at.bytes[i - 1] as number))) i--;
  return i;
}
