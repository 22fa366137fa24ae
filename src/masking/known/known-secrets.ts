import { fromCharCode } from "../../request/captured.js";
import { bytesOf, utf8Of } from "./bytes.js";
import { SecretFinder } from "./secret-finder.js";
import { SecretIndex } from "./secret-index.js";
import { TooMuchWork } from "./secret-probe.js";

const REDACTED = "[REDACTED:CREDENTIAL]";

let read: (known: KnownSecrets) => SecretIndex;

/**
 * The credentials that a guard holds, and how they are found in what it passes on: as they are, escaped as in URLs, forms,
 * HTML and JSON, in hex and in base64, and in these of one another. One set is shared by all who look. Texts that cost more
 * to look through than any does that was not written for it, count as if they held one.
 */
export class KnownSecrets {
  readonly #index = new SecretIndex();
  readonly #finder = new SecretFinder(this.#index);

  /** A set of these. */
  static of(secrets: readonly string[]): KnownSecrets {
    const known = new KnownSecrets();
    for (let i = 0; i < secrets.length; i++) known.add(secrets[i] as string);
    return known;
  }

  /** Adds one; what is shorter than six characters is not looked for. Costs what it is long, however many there are. */
  add(secret: string): void {
    this.#index.add(secret);
  }

  /** Takes back one {@link add}. */
  remove(secret: string): void {
    this.#index.remove(secret);
  }

  get isEmpty(): boolean {
    return this.#index.isEmpty;
  }

  /** Whether one of them is in a text. */
  isIn(text: string): boolean {
    return !this.isEmpty && this.#count(utf8Of(text), false) !== 0;
  }

  /** Whether one of them is in the name of a header field, which a protocol may write in lower case. */
  isInName(name: string): boolean {
    return !this.isEmpty && this.#count(bytesOf(name), true) !== 0;
  }

  /** The value of a header field, of one character per byte, without them. */
  redacted(value: string): string {
    if (this.isEmpty) return value;
    const bytes = bytesOf(value);
    const count = this.#count(bytes, false);
    if (count === 0) return value;
    if (count < 0) return REDACTED;
    const { starts, stops } = this.#finder;
    let text = "";
    let at = 0;
    for (let region = 0; region < count; region++) {
      for (; at < (starts[region] as number); at++) text += fromCharCode(bytes[at] as number);
      text += REDACTED;
      at = stops[region] as number;
    }
    for (; at < bytes.length; at++) text += fromCharCode(bytes[at] as number);
    return text;
  }

  /** How many texts have been taken apart so far in order to be looked for: what adding has cost. */
  get spelled(): number {
    return this.#index.spelled;
  }

  static {
    read = (known) => known.#index;
  }

  /** In how many places they are; -1 where that is not known. */
  #count(bytes: Uint8Array, foldCase: boolean): number {
    try {
      this.#finder.run(bytes, 0, bytes.length, true, foldCase);
      return this.#finder.count;
    } catch (error) {
      if (error instanceof TooMuchWork) return -1;
      throw error;
    }
  }
}

/** What is looked for, for those who look: printing and walking a set shows nothing of it. */
export const indexOf = (known: KnownSecrets): SecretIndex => read(known);
