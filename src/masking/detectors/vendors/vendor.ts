/**
 * Credentials that have a form of their own, as data: each form begins with letters that give it away. They all go into
 * one automaton, so that another vendor costs nothing at run time.
 */
export interface TokenForm {
  /** What it is, as it is named in a finding: `github_token`. */
  readonly vendor: string;
  /**
   * Regular expression of characters, classes and bounded repetition. Without a range at its end it is exact: more
   * letters after it, and it is something else.
   */
  readonly form: string;
  /** How many characters of the beginning stay readable. */
  readonly keep: number;
  /** What stands before the beginning and belongs to the token: so many characters, and each of them one of these. */
  readonly before: { readonly length: number; readonly each: RegExp } | null;
  /** The vendor's own page on it. */
  readonly source: string;
}

/** Credentials that only their name gives away: `ADAFRUIT_KEY=…`. */
export interface NamedForm {
  readonly vendor: string;
  /** Found in a name in any case. */
  readonly keywords: readonly string[];
  /** What else the name must say, in lower case; nothing if null. */
  readonly name: RegExp | null;
  /** The value, whole; bounded. */
  readonly value: string;
  readonly source: string;
}

export type VendorForm = TokenForm | NamedForm;

export function token(vendor: string, source: string, ...forms: readonly string[]): TokenForm[] {
  return forms.map((form) => ({ vendor, form, keep: 0, before: null, source }));
}

/** The value after a beginning that is no secret, such as the address of a webhook. */
export function tokenAfter(vendor: string, source: string, beginning: string, value: string): TokenForm[] {
  return [{ vendor, form: literally(beginning) + value, keep: beginning.length, before: null, source }];
}

/** A token whose tell-tale letters stand inside it: `length` characters, each as `each` says, come first. */
export function tokenAround(vendor: string, source: string, length: number, each: RegExp, form: string): TokenForm[] {
  return [{ vendor, form, keep: 0, before: { length, each }, source }];
}

export function named(
  vendor: string,
  source: string,
  keywords: readonly string[],
  value: string,
  name: RegExp | null = null,
): NamedForm[] {
  return [{ vendor, keywords, name, value, source }];
}

/** Letters in alphabetical order are in documentation, and not in anything random. */
export const NO_ALPHABET = "(?![A-Za-z0-9+/_-]{0,150}(?:abcdefghij|klmnopqrst))";
/** 32 hexadecimal digits in groups, in any case. */
export const UUID = "[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}";
/** Says that a value is a credential, where the vendor's values look like others. */
export const CREDENTIAL_NAME: RegExp = /key|token|secret|passw|pwd|pass$|auth|cred|client/;

const literally = (text: string): string => text.replace(/[.?+*^$()[\]{}|\\]/g, "\\$&");

/** The characters that a form begins with. */
export function beginning(form: string): string {
  let text = "";
  for (let i = 0; i < form.length; i++) {
    const character = form.charAt(i);
    if (character === "\\") text += form.charAt(++i);
    else if (character === "{" || character === "?") return text.slice(0, -1);
    else if ("[(|.".includes(character)) return text;
    else text += character;
  }
  return text;
}
