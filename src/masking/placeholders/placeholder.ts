/** What stands in an answer for a value that the agent may use and not see. */
export interface Placeholder {
  readonly kind: string;
  /** 32 letters from `a` to `p`. */
  readonly handle: string;
  /** 8 letters that only the vault which minted it can make. */
  readonly check: string;
}

export const written = ({ kind, handle, check }: Placeholder): string => `[[tok:${kind}:${handle}:${check}]]`;

/** Brackets and colons as they stand in a text, in a URL or a form, and in a JSON string. */
const OPEN = "(?:\\[|%5[Bb]|\\\\u005[Bb])";
const CLOSE = "(?:\\]|%5[Dd]|\\\\u005[Dd])";
const COLON = "(?::|%3[Aa]|\\\\u003[Aa])";
const WHOLE = new RegExp(
  `${OPEN}{2}tok${COLON}([A-Z][A-Z0-9_]{1,39})${COLON}([a-p]{32})${COLON}([a-p]{8})${CLOSE}{2}`,
  "y",
);
/** Whatever begins like one is meant as one: what cannot be read of it is refused, and never sent as it is. */
const START = new RegExp(
  `${OPEN}{2}(?:t|%74|\\\\u0074)(?:o|%6[Ff]|\\\\u006[Ff])(?:k|%6[Bb]|\\\\u006[Bb])${COLON}`,
  "g",
);
/** The longest one, all of its brackets and colons escaped. */
export const LONGEST_PLACEHOLDER: number = 12 + 3 + 18 + 40 + 32 + 8 + 12;
/** The end of a text that may be the beginning of one. */
const TAIL = /(?:\[|%|\\)[^\s"]*$/;

/** The value that stands for a placeholder, as it is written at this place; or the reason why there is none. */
export type Resolve = (placeholder: Placeholder) => { readonly text: string } | { readonly refused: string };

export type Restored = { readonly text: string; readonly count: number } | { readonly refused: string };

/** The text with every placeholder replaced; texts have one character per byte. */
export function restore(text: string, resolve: Resolve): Restored {
  let out = "";
  let at = 0;
  let count = 0;
  START.lastIndex = 0;
  for (let start = START.exec(text); start !== null; start = START.exec(text)) {
    WHOLE.lastIndex = start.index;
    const whole = WHOLE.exec(text);
    if (whole === null) return { refused: "altered" };
    const [all, kind = "", handle = "", check = ""] = whole;
    const value = resolve({ kind, handle, check });
    if ("refused" in value) return value;
    out += text.slice(at, start.index) + value.text;
    at = start.index + all.length;
    START.lastIndex = at;
    count++;
  }
  return { text: count === 0 ? text : out + text.slice(at), count };
}

/** Whether a text holds the beginning of a placeholder. */
export function mayHoldPlaceholder(text: string): boolean {
  START.lastIndex = 0;
  return START.test(text);
}

/** How much of the end of a text is to be kept until more of it is there. */
export function heldBack(text: string): number {
  const end = text.slice(-LONGEST_PLACEHOLDER);
  const tail = TAIL.exec(end);
  return tail === null ? 0 : end.length - tail.index;
}

/** Whether a text is one placeholder and nothing else. */
export function isPlaceholder(text: string): boolean {
  WHOLE.lastIndex = 0;
  return WHOLE.exec(text)?.[0].length === text.length;
}
