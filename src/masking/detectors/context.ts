import { latin1 } from "../bytes.js";
import { type Detector, NONE, type Probe, type ValueRule, type Verdict } from "../probe.js";
import { JWT_SWALLOW } from "./jwt.js";
import { TOKEN_SWALLOW } from "./secrets.js";

/** A value that only its name gives away: `aws_secret_access_key = …` in text, the member's name in JSON. */
export interface ContextRule {
  readonly kind: string;
  readonly vendor?: string;
  /** Lower case; looked for in lower case, UPPER CASE and Capitalised. */
  readonly keyword: string;
  /** The value; bounded. */
  readonly value: string;
  readonly swallow: Uint8Array;
}

export const CONTEXT_RULES: readonly ContextRule[] = [
  {
    kind: "SECRET",
    vendor: "aws_secret_access_key",
    keyword: "aws",
    value: "(?=[A-Za-z/+]{0,39}[0-9])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])",
    swallow: TOKEN_SWALLOW,
  },
  // A token whose header does not decode is still one where its name says so.
  { kind: "JWT", keyword: "jwt", value: "ey[A-Za-z0-9_-]{10,100}\\.ey[A-Za-z0-9_-]{10,60}", swallow: JWT_SWALLOW },
];

/** The rest of the name, the separator, an opening quote. */
const BETWEEN = "[A-Za-z0-9_.-]{0,30}[\"'`]?[ \\t]{0,4}(?:=>|:=|[:=])[ \\t]{0,4}(?:Bearer )?[\"'`]?";
/** Enough for what lies between and the longest value. */
const IN_SIGHT = 256;

export function contextDetectors(rules: readonly ContextRule[]): Detector[] {
  return rules.map((rule) => {
    const { keyword } = rule;
    const named = valueRule(rule);
    const forward = new RegExp(`(${BETWEEN})(${rule.value})`, "y");
    return {
      literals: [keyword, keyword.toUpperCase(), keyword.charAt(0).toUpperCase() + keyword.slice(1)],
      probe(at, start, afterLiteral): Verdict {
        const { bytes, end, field } = at;
        if (field.role === "name") {
          if (!field.rules.includes(named)) field.rules.push(named);
          return NONE;
        }
        const first = bytes[start] as number;
        if (first >= 0x61 && !at.edge(start)) return NONE;
        const limit = Math.min(end, afterLiteral + IN_SIGHT);
        let stop = afterLiteral;
        while (stop < limit && bytes[stop] !== 0x0a && bytes[stop] !== 0x0d) stop++;
        forward.lastIndex = 0;
        const seen = latin1(bytes, afterLiteral, stop);
        if (stop === end && stop < afterLiteral + IN_SIGHT && !at.final) {
          return couldGoOn(seen) ? at.more(start) : NONE;
        }
        const found = forward.exec(seen);
        if (found === null) return NONE;
        const from = afterLiteral + (found[1] as string).length;
        return report(at, rule, from, from + (found[2] as string).length);
      },
    };
  });
}

const BEGINNING = /^[A-Za-z0-9_.-]{0,30}(?:["'`]?[ \t]{0,4}(?:$|=|:)|$)/;

/** Whether {@link BETWEEN} may still match once more bytes are there; otherwise nothing need be held back. */
const couldGoOn = (seen: string): boolean => BEGINNING.test(seen);

/** The rule for a value whose field's name contains the keyword: judged from its beginning. */
function valueRule(rule: ContextRule): ValueRule {
  const pattern = new RegExp(`(?:Bearer )?(${rule.value})`, "y");
  return (at) => {
    const { bytes, end, floor } = at;
    if (end - floor < IN_SIGHT && !at.final) return at.more(floor);
    pattern.lastIndex = 0;
    const found = pattern.exec(latin1(bytes, floor, Math.min(end, floor + IN_SIGHT)));
    if (found === null) return NONE;
    const stop = floor + found[0].length;
    return report(at, rule, stop - (found[1] as string).length, stop);
  };
}

function report(at: Probe, rule: ContextRule, from: number, to: number): Verdict {
  const verdict = at.open(rule.kind, from, to, rule.swallow);
  at.vendor = rule.vendor;
  return verdict;
}
