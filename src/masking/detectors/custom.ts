import { latin1, utf8 } from "../bytes.js";
import { type Detector, NONE, type Verdict } from "../probe.js";

/** A detector of the user's own. */
export interface CustomDetector {
  /** Upper case, e.g. `EMPLOYEE_ID`; the name of its findings. */
  readonly name: string;
  /** A text of three characters or more that stands at the beginning of every value, or shortly before it on the line. */
  readonly keyword: string;
  /**
   * Regular expression for the value: characters, classes and bounded repetition (`{1,20}`, `?`); no groups, no
   * alternatives, no `*` or `+`, so that it takes linear time on whatever an upstream sends.
   */
  readonly pattern: string;
}

/** How far from the keyword the value may end, in bytes. */
const IN_SIGHT = 256;

export function customDetector({ name, keyword, pattern }: CustomDetector): Detector {
  const expression = new RegExp(pattern, "g");
  const literal = latin1(utf8(keyword), 0, utf8(keyword).length);
  return {
    literals: [literal],
    probe(at, start, afterLiteral): Verdict {
      const { bytes, end } = at;
      if (latin1(bytes, start, afterLiteral) !== literal) return NONE;
      const limit = Math.min(end, start + IN_SIGHT);
      let stop = start;
      while (stop < limit && bytes[stop] !== 0x0a && bytes[stop] !== 0x0d) stop++;
      if (stop === end && stop < start + IN_SIGHT && !at.final) return at.more(start);
      expression.lastIndex = 0;
      const found = expression.exec(latin1(bytes, start, stop));
      if (found === null || found[0] === "") return NONE;
      return at.match(name, start + found.index, start + found.index + found[0].length);
    },
  };
}

const ATOM = /\\[dDwWsSbB.\-/\\()[\]{}^$|?*+]|\[(?:\\.|[^\]\\])+\]|[^\\()[\]{}|?*+]/y;
const REPEAT = /\{(\d{1,3})(?:,(\d{1,3}))?\}|\?/y;

/** What is wrong with a pattern, or null: only what runs in time proportional to its input is let in. */
export function patternProblem(pattern: string): string | null {
  let variable = 0;
  for (let i = 0; i < pattern.length; ) {
    ATOM.lastIndex = i;
    if (!ATOM.test(pattern))
      return `cannot use ${JSON.stringify(pattern.charAt(i))} at ${i}: only characters, classes, {n,m} and ? are allowed`;
    i = ATOM.lastIndex;
    REPEAT.lastIndex = i;
    const repeat = REPEAT.exec(pattern);
    if (repeat === null) continue;
    i = REPEAT.lastIndex;
    const [, least, most] = repeat;
    if (Number(most ?? least ?? 1) > IN_SIGHT) return `cannot repeat more than ${IN_SIGHT} times`;
    if (least === undefined || most !== undefined) variable++;
  }
  if (variable > 3) return "can have at most three parts of variable length";
  try {
    return new RegExp(pattern, "g").test("") ? "must not match the empty text" : null;
  } catch {
    return "is not a regular expression";
  }
}
