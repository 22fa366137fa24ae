/** What stands in a response for a value that the agent may use and not see. */
export interface Placeholder {
  readonly kind: string;
  /** 32 letters from `a` to `p`. */
  readonly handle: string;
  /** 8 letters that only the vault which minted it can make. */
  readonly check: string;
}

export const written = ({ kind, handle, check }: Placeholder): string => `[[tok:${kind}:${handle}:${check}]]`;

const WHOLE = /^\[\[tok:([A-Z][A-Z0-9_]{1,39}):([a-p]{32}):([a-p]{8})\]\]$/;

/** The placeholder that a text is, or null: one with anything around it, or in another spelling, is none. */
export function parsePlaceholder(text: string): Placeholder | null {
  const [, kind, handle, check] = text.length > LONGEST_PLACEHOLDER ? [] : (WHOLE.exec(text) ?? []);
  return kind === undefined || handle === undefined || check === undefined ? null : { kind, handle, check };
}

/** Whether a text is one placeholder and nothing else. */
export const isPlaceholder = (text: string): boolean => parsePlaceholder(text) !== null;

const LONGEST_PLACEHOLDER = "[[tok:".length + 40 + ":".length + 32 + ":".length + 8 + "]]".length;

/**
 * One character of a beginning as it stands in a text, in a URL or a form (`%5B`, and escaped again), in a JSON string (also
 * inside another one), and in HTML. Repetition is bounded, so that {@link LONGEST_BEGINNING} is known.
 */
const spelled = (character: string): string => {
  const hex = character.charCodeAt(0).toString(16);
  const anyCase = hex.replace(/[a-f]/g, (digit) => `[${digit}${digit.toUpperCase()}]`);
  const own = character === "[" ? "\\[" : character;
  return `(?:${own}|%(?:25){0,3}${anyCase}|\\\\{1,7}u00${anyCase}|&#(?:0{0,3}${character.charCodeAt(0)}|[xX]0{0,2}${anyCase});)`;
};

/** Whatever begins like a placeholder is meant as one: where it is not exactly one, the request is refused. */
const BEGINNING = new RegExp([..."[[tok:"].map(spelled).join(""));

/** The most characters that a beginning takes: six of `\\\\\\\u00xx`. */
export const LONGEST_BEGINNING: number = "[[tok:".length * (7 + "u00xx".length);

/** Whether a text holds the beginning of a placeholder, in any of these spellings. One character may stand for one byte. */
export const mayHoldPlaceholder = (text: string): boolean => BEGINNING.test(text);
