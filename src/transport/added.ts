import { append, charCodeAt, indexOf, toLowerCase } from "../request/captured.js";
import { isFieldName } from "../request/headers.js";
import type { HeaderPairs } from "./transport.js";

/** What {@link Added} keeps. */
interface Opened {
  readonly headers: HeaderPairs;
  /** The same, as lines of a head. */
  readonly lines: string;
  readonly query: string;
}

let open: (added: Added) => Opened;

/**
 * What the guard adds to a request when its bytes are handed to the system, and nowhere before: its credential. Whoever
 * else comes by this object, by a method that was replaced or a channel of `diagnostics_channel`, sees names only.
 */
export class Added {
  /** Of the header fields, in lower case. */
  readonly names: readonly string[];
  readonly #opened: Opened;

  /**
   * `query` is one or more `name=value`, escaped, or empty.
   *
   * @throws TypeError for a value that no header field can carry, without quoting it.
   */
  constructor(headers: HeaderPairs, query: string) {
    let lines = "";
    for (let at = 0; at < headers.length; at++) {
      const pair = headers[at] as HeaderPairs[number];
      if (!isFieldName(pair[0])) throw new TypeError("a credential's header field has a name that is no token");
      if (!isFieldValue(pair[1])) throw new TypeError(`the value for "${pair[0]}" cannot stand in a header field`);
      lines += `${pair[0]}: ${pair[1]}\r\n`;
    }
    this.names = namesOf(headers);
    this.#opened = { headers, lines, query };
  }

  static {
    open = (added) => added.#opened;
  }
}

/**
 * A credential is one field, or two with its proof: they are put down without the price of {@link append}. An index beyond the
 * end is never asked for: it would be asked of `Array.prototype`, with the list in hand.
 */
function namesOf(headers: HeaderPairs): readonly string[] {
  const name = (at: number): string => toLowerCase((headers[at] as HeaderPairs[number])[0]);
  if (headers.length === 1) return [name(0)];
  if (headers.length === 2) return [name(0), name(1)];
  const names: string[] = [];
  for (let at = 0; at < headers.length; at++) append(names, name(at));
  return names;
}

/** For the transports: the one way to what is added. */
export const openAdded = (added: Added): Opened => open(added);

/** RFC 9110 section 5.5, by hand: a regular expression would remember the secret for `RegExp.input`. */
function isFieldValue(value: string): boolean {
  for (let at = 0; at < value.length; at++) {
    const code = charCodeAt(value, at);
    if (code !== 9 && (code < 32 || code === 127 || code > 255)) return false;
  }
  return true;
}

/** A path or URL with what is added to its query. */
export const withQuery = (url: string, query: string): string =>
  query === "" ? url : `${url}${indexOf(url, "?") === -1 ? "?" : "&"}${query}`;
