import { latin1, utf8 } from "../../bytes.js";

/** A number that a state, or a body that it charges with it, gives to people or firms. */
export interface NationalId {
  readonly kind: string;
  /**
   * How it is written: `9` a digit, `A` a letter, `*` either, `-` a separator, `~` a sign or letter that counts, all else
   * itself. A form may begin with letters; there is no `*` before its first digit.
   */
  readonly forms: readonly string[];
  /** What may stand where a form has `-`. */
  readonly separators: string;
  /** Whether the text, in upper case and without what is neither letter, digit nor `~`, is one. */
  readonly valid: (text: string) => boolean;
  /**
   * Where such a number is believed to be one: `anywhere`, where chance rarely makes one; `alone`, also where it is all
   * of a text; `named`, only next to a word for it.
   */
  readonly trust: "anywhere" | "alone" | "named";
  /** The same for forms without a separator, if it is another. */
  readonly bare?: "alone" | "named";
  /** Words for it, in lower case; found within 40 bytes before it, or in the name of its field. */
  readonly words: RegExp;
  readonly source: string;
}

/** Words as they appear in bytes: lower case, one character per byte. `_` stands for what may be between two words. */
export function words(...list: readonly string[]): RegExp {
  // Only Latin letters are the same in both cases there: `ИНН` is another word than `инн`.
  const patterns = list.flatMap((word) =>
    [...new Set([word.toLowerCase(), /[^ -~]/.test(word) ? word.toUpperCase() : word.toLowerCase()])].map((form) => {
      const bytes = utf8(form);
      return latin1(bytes, 0, bytes.length).toLowerCase().replaceAll("_", "[ _.-]{0,2}");
    }),
  );
  return new RegExp(`(?<![a-z])(?:${patterns.join("|")})`);
}

/** A short word, when no longer one begins with it: `nit`, and not `nitrogen`. */
export const whole = (word: string): string => `${word}(?![a-z])`;
