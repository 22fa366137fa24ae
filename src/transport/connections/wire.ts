import { randomBytes } from "node:crypto";
import { Socket } from "node:net";
import { endsWith, indexOf, mapDelete, mapGet, mapSet, matches, slice, startsWith } from "../../request/captured.js";
import { type Added, openAdded, withQuery } from "../added.js";
import type { HopRequest } from "../transport.js";

/**
 * Where a request of HTTP/1.1 leaves undici: the `write` of its socket. undici is given the request without its credential,
 * and a mark in its place. Here the head that undici made is compared with what was judged, and the mark becomes the
 * credential. So a subscriber of `diagnostics_channel` sees the mark, and what it changes in a request is not sent.
 */
export interface Wire {
  /** A request is about to be given to undici. Returns the header field that undici must put last. */
  expect(hop: HopRequest): Mark;
  /** Nothing of it will be written any more. */
  forget(mark: Mark): void;
  /** From now on, what this socket writes goes through here. */
  watch(socket: Socket, origin: string): void;
}

/** Stands for what is added to a request. */
export interface Mark {
  readonly name: string;
  readonly value: string;
}

const NAME = "x-sallyport-credential";
/** What undici says itself before the fields it was given. */
const BEFORE = /^host: [^\r\n]+\r\nconnection: (?:keep-alive|close)\r\n$/;
const CHUNKED = "transfer-encoding: chunked\r\n";
const LENGTH = /^content-length: [0-9]+\r\n\r\n$/;
const LENGTH_NAME = "content-length: ";
/** How undici writes a chunk's size, with the end of what was before it. */
const SIZE = /^\r\n[1-9a-f][0-9a-f]*\r\n$/;
const LAST_CHUNK = "\r\n0\r\n\r\n";

/** What was to be written is not what was judged. */
class AlteredRequest extends Error {
  override readonly name: string = "AlteredRequest";
  readonly code = "REQUEST_ALTERED";
  constructor() {
    super("the request was changed on its way to the socket, and was not sent");
  }
}

const { apply, defineProperty } = Reflect;
// As it was when this module was loaded.
const { write: nativeWrite } = Socket.prototype;

export function createWire(): Wire {
  const expected = new Map<string, HopRequest>();
  // Unguessable, so that no agent can have a credential put where it wants.
  const prefix = randomBytes(16).toString("hex");
  let count = 0;
  /** The request that a head belongs to. Each is written once: whoever has seen a mark cannot use it again. */
  const take = (value: string): HopRequest | undefined => {
    const hop = mapGet(expected, value);
    mapDelete(expected, value);
    return hop;
  };
  return {
    expect(hop) {
      const value = `${prefix}-${count++}`;
      mapSet(expected, value, hop);
      return { name: NAME, value };
    },
    forget: ({ value }) => void mapDelete(expected, value),
    watch(socket, origin) {
      const outgoing = new Outgoing(origin, `${NAME}: ${prefix}-`, take);
      const write = (chunk: unknown, encoding?: unknown, callback?: unknown): boolean => {
        const passed = outgoing.passed(chunk);
        if (passed !== null) return apply(nativeWrite, socket, [passed, encoding, callback]) as boolean;
        socket.destroy(new AlteredRequest());
        return false;
      };
      // Node puts another function in its place once the server has ended; undici closes the connection then.
      defineProperty(socket, "write", { __proto__: null, get: () => write, set: () => {} } as PropertyDescriptor);
    },
  };
}

/** What goes out on one connection: heads that were judged, each with the body that belongs to it, and nothing else. */
class Outgoing {
  readonly #origin: string;
  readonly #mark: string;
  readonly #take: (value: string) => HopRequest | undefined;
  /** What must come next. `bytes`: so many are left of a body, or of a chunk of it. */
  #next: "head" | "bytes" | "size" | "chunk" = "head";
  #left = 0;
  #body: HopRequest["body"] = null;

  constructor(origin: string, mark: string, take: (value: string) => HopRequest | undefined) {
    this.#origin = origin;
    this.#mark = mark;
    this.#take = take;
  }

  /** What is written in place of the chunk; null where it must not be written. */
  passed(chunk: unknown): string | Uint8Array | null {
    if (typeof chunk === "string")
      return this.#next === "head" ? this.#head(chunk) : this.#next === "size" ? this.#size(chunk) : null;
    if (!(chunk instanceof Uint8Array) || (this.#next !== "bytes" && this.#next !== "chunk")) return null;
    if (chunk.byteLength > this.#left || !isPartOf(chunk, this.#body)) return null;
    this.#left -= chunk.byteLength;
    if (this.#left === 0) this.#next = this.#next === "chunk" ? "size" : "head";
    return chunk;
  }

  #head(text: string): string | null {
    const at = indexOf(text, this.#mark);
    if (at === -1) return null;
    const end = indexOf(text, "\r\n", at);
    const hop = this.#take(slice(text, at + NAME.length + 2, end));
    if (hop === undefined || hop.origin !== this.#origin) return null;
    const line = `${hop.method} ${hop.path} HTTP/1.1\r\n`;
    const own = ownLines(hop);
    const rest = slice(text, end + 2);
    const judged = slice(text, 0, at);
    if (!startsWith(judged, line) || !endsWith(judged, own) || !this.#beginsBody(hop, rest)) return null;
    const said = slice(judged, line.length, judged.length - own.length);
    const host = `host: ${slice(hop.origin, indexOf(hop.origin, "//") + 2)}\r\n`;
    if (!matches(BEFORE, said) || !startsWith(said, host)) return null;
    return hop.added === undefined ? judged + rest : withAdded(hop, hop.added, said + own, rest);
  }

  /** Whether the head ends as the request's body asks for. */
  #beginsBody({ body, headers }: HopRequest, rest: string): boolean {
    this.#body = body;
    this.#left = matches(LENGTH, rest) ? +slice(rest, LENGTH_NAME.length, rest.length - 4) : 0;
    if (rest === CHUNKED) {
      this.#next = "size";
      return body instanceof ReadableStream;
    }
    this.#next = this.#left > 0 ? "bytes" : "head";
    if (rest !== "\r\n" && !matches(LENGTH, rest)) return false;
    if (body === null) return this.#left === 0;
    if (body instanceof Uint8Array) return this.#left === body.byteLength;
    return this.#left === 0 || this.#left === declaredLength(headers);
  }

  #size(text: string): string | null {
    if (text === LAST_CHUNK) this.#next = "head";
    else if (matches(SIZE, text)) {
      this.#next = "chunk";
      this.#left = +`0x${slice(text, 2, text.length - 2)}`;
    } else return null;
    return text;
  }
}

/** Whether the bytes are those of the body: the same memory. What flows is not known before it comes. */
const isPartOf = (chunk: Uint8Array, body: HopRequest["body"]): boolean =>
  body instanceof Uint8Array
    ? chunk.buffer === body.buffer && chunk.byteOffset === body.byteOffset && chunk.byteLength === body.byteLength
    : body !== null;

/** The length that the caller stated for a body that flows. */
function declaredLength(headers: HopRequest["headers"]): number {
  for (let at = 0; at < headers.length; at++) {
    const pair = headers[at] as HopRequest["headers"][number];
    if (pair[0] === "content-length") return +pair[1];
  }
  return -1;
}

/** The header fields of a request as undici writes them: it computes the length itself. */
function ownLines({ headers }: HopRequest): string {
  let lines = "";
  for (let at = 0; at < headers.length; at++) {
    const pair = headers[at] as HopRequest["headers"][number];
    if (pair[0] !== "content-length") lines += `${pair[0]}: ${pair[1]}\r\n`;
  }
  return lines;
}

function withAdded({ method, path }: HopRequest, added: Added, fields: string, rest: string): string {
  const { lines, query } = openAdded(added);
  return `${method} ${withQuery(path, query)} HTTP/1.1\r\n${fields}${lines}${rest}`;
}
