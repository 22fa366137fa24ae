import { linesOf } from "../../request/body/encodings.js";
import { charCodeAt, mapDelete, mapGet, mapSet, mapSize } from "../../request/captured.js";
import { bytesOf, utf8Of } from "./bytes.js";
import { Grams } from "./grams.js";
import { eachGram } from "./spellings.js";
import { SecretTrie } from "./trie.js";

/** Shorter values occur by chance; masking them would spoil everything (actions/runner #4531). */
export const SHORTEST = 6;
/** What is shorter may be a few letters in base64. */
const SHORT = 10;

/**
 * Exact values that must not appear: the credentials that the guard holds. To add or remove one costs what it is long,
 * however many there are. What is looked for is handed to no method that can be replaced, and is in no memory that others
 * share.
 */
export class SecretIndex {
  readonly trie: SecretTrie = new SecretTrie();
  readonly grams: Grams = new Grams();
  /** How often each has been added. */
  readonly #counts = new Map<string, number>();
  #plain = 0;
  /** No secret is shorter, in whatever way it is written. */
  shortest: number = Number.POSITIVE_INFINITY;
  /** Grows with every secret that was not there before: what was found to hold none of them may hold this one. */
  additions = 0;
  /** How many texts have been taken apart so far: what adding costs. */
  spelled = 0;

  /** Adds one. What is shorter than six characters is not looked for. */
  add(secret: string): void {
    const count = mapGet(this.#counts, secret) ?? 0;
    mapSet(this.#counts, secret, count + 1);
    if (count > 0) return;
    this.additions++;
    this.#eachText(secret, (bytes) => {
      this.trie.add(bytes);
      if (bytes.length < this.shortest) this.shortest = bytes.length;
      eachGram(bytes, (gram, kind) => this.grams.add(gram, kind));
      if (mayBePlain(bytes)) this.#plain++;
    });
  }

  /** Takes back one {@link add}. */
  remove(secret: string): void {
    const count = mapGet(this.#counts, secret);
    if (count === undefined) return;
    if (count > 1) {
      mapSet(this.#counts, secret, count - 1);
      return;
    }
    mapDelete(this.#counts, secret);
    this.#eachText(secret, (bytes) => {
      this.trie.remove(bytes);
      eachGram(bytes, (gram, kind) => this.grams.remove(gram, kind));
      if (mayBePlain(bytes)) this.#plain--;
    });
  }

  /** Whether there is anything to look for. */
  get isEmpty(): boolean {
    return mapSize(this.trie.root.children) === 0;
  }

  /** Whether one of them could stand in a few words, a UUID or an instant. */
  get mayBePlain(): boolean {
    return this.#plain > 0;
  }

  /** Line by line, in UTF-8, and with one byte per character, as in a header field. */
  #eachText(secret: string, visit: (bytes: Uint8Array) => void): void {
    const lines = linesOf(secret);
    for (let i = 0; i < lines.length; i++) {
      const line = lines[i] as string;
      if (line.length < SHORTEST) continue;
      this.spelled++;
      const bytes = utf8Of(line);
      visit(bytes);
      if (bytes.length !== line.length && isLatin1(line)) visit(bytesOf(line));
    }
  }
}

function isLatin1(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (charCodeAt(text, i) > 0xff) return false;
  return true;
}

/** As a regular expression: `[A-Za-z_ ]{1,15}|[0-9A-Fa-f-]{1,36}|[0-9T:.Z-]{1,30}`; by hand, since one remembers its text. */
const PLAIN = [
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_ ", 15],
  ["0123456789ABCDEFabcdef-", 36],
  ["0123456789T:.Z-", 30],
].map(([letters, longest]) => ({ letters: bytesOf(letters as string), longest: longest as number }));

function mayBePlain(bytes: Uint8Array): boolean {
  if (bytes.length < SHORT) return true;
  for (let i = 0; i < PLAIN.length; i++) {
    const { letters, longest } = PLAIN[i] as (typeof PLAIN)[number];
    let at = 0;
    while (at < bytes.length && holds(letters, bytes[at] as number)) at++;
    if (at === bytes.length && at <= longest) return true;
  }
  return false;
}

function holds(bytes: Uint8Array, byte: number): boolean {
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === byte) return true;
  return false;
}
