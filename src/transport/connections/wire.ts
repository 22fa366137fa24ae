import { randomBytes } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import {
  append,
  endsWith,
  indexOf,
  mapDelete,
  mapGet,
  mapSet,
  matches,
  slice,
  startsWith,
} from "../../request/captured.js";
import { type Added, openAdded, withQuery } from "../added.js";
import type { HopRequest } from "../transport.js";

/**
 * The last step before the system. undici is given a request without its credential, and a mark in its place; here, in the
 * two functions by which Node hands text to a socket's handle, the head that undici made is compared with what was judged,
 * and the mark becomes the credential. From here on there is no JavaScript: neither replaced methods of `stream`, `net` or
 * `Array` nor subscribers of `diagnostics_channel` see the credential, and what they change in a head is not sent.
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

/** Node's handle of a socket, as far as text goes through it. */
interface Handle {
  writeLatin1String(request: object, text: string): number;
  writev(request: object, chunks: readonly unknown[], allBuffers: boolean): number;
}

const NAME = "x-sallyport-credential";
/** What undici says itself: before the fields it was given, and after them. */
const BEFORE = /^(?:host: [^\r\n]+\r\nconnection: (?:keep-alive|close)\r\n)$/;
const AFTER = /^(?:content-length: [0-9]+\r\n\r\n|transfer-encoding: chunked\r\n|\r\n)$/;
/** What Node takes for "not permitted": the write fails, and the connection is closed. */
const REFUSED = -1;

const { apply, defineProperty } = Reflect;

export function createWire(): Wire {
  const natives = nativeWrites();
  const expected = new Map<string, HopRequest>();
  // Unguessable, so that no agent can have a credential put where it wants.
  const prefix = randomBytes(16).toString("hex");
  const start = `${NAME}: ${prefix}-`;
  let count = 0;

  /** The text as it goes out; null where it is a head that was not judged like this. */
  const dressed = (text: string, origin: string): string | null => {
    const at = indexOf(text, start);
    if (at === -1) return indexOf(text, " HTTP/1.1\r\n") === -1 ? text : null;
    const end = indexOf(text, "\r\n", at);
    const hop = mapGet(expected, slice(text, at + NAME.length + 2, end));
    if (hop === undefined || hop.origin !== origin) return null;
    const line = `${hop.method} ${hop.path} HTTP/1.1\r\n`;
    const own = ownLines(hop);
    const rest = slice(text, end + 2);
    const judged = slice(text, 0, at);
    if (!startsWith(judged, line) || !endsWith(judged, own) || !matches(AFTER, rest)) return null;
    const said = slice(judged, line.length, judged.length - own.length);
    if (!matches(BEFORE, said) || indexOf(said, `host: ${slice(origin, indexOf(origin, "//") + 2)}\r\n`) === -1)
      return null;
    return hop.added === undefined ? judged + rest : withAdded(hop, hop.added, said + own, rest);
  };

  const watchHandle = (handle: Handle, native: Handle, origin: string): void => {
    const write: Handle["writeLatin1String"] = (request, text) => {
      const sent = dressed(text, origin);
      return sent === null ? REFUSED : apply(native.writeLatin1String, handle, [request, sent]);
    };
    const writev: Handle["writev"] = (request, chunks, allBuffers) => {
      if (allBuffers) return apply(native.writev, handle, [request, chunks, allBuffers]);
      const sent: unknown[] = [];
      for (let at = 0; at < chunks.length; at++) {
        const chunk = chunks[at];
        // Text and its encoding take turns; what is not text follows its own "buffer".
        const text = at % 2 === 0 && typeof chunk === "string" ? dressed(chunk, origin) : chunk;
        if (text === null) return REFUSED;
        append(sent, text);
      }
      return apply(native.writev, handle, [request, sent, allBuffers]);
    };
    // As the handle's own, and for good: its prototype can be got at by way of any other socket.
    defineProperty(handle, "writeLatin1String", { __proto__: null, value: write } as PropertyDescriptor);
    defineProperty(handle, "writev", { __proto__: null, value: writev } as PropertyDescriptor);
  };

  return {
    expect(hop) {
      const value = `${prefix}-${count++}`;
      mapSet(expected, value, hop);
      return { name: NAME, value };
    },
    forget: ({ value }) => void mapDelete(expected, value),
    watch(socket, origin) {
      const handle = handleOf(socket);
      if (handle === undefined) throw new TypeError("a socket without a handle cannot be watched");
      watchHandle(handle, "encrypted" in socket ? natives.tls : natives.tcp, origin);
    },
  };
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

const handleOf = (socket: Socket): (Handle & { readonly _parent?: Handle }) | undefined =>
  (socket as unknown as { _handle?: Handle })._handle;

/** The functions that every handle has from its prototype, taken from handles that are connected to nothing. */
function nativeWrites(): { readonly tcp: Handle; readonly tls: Handle } {
  const socket = new TLSSocket(undefined as never);
  try {
    const tls = handleOf(socket);
    const tcp = tls?._parent;
    if (tls === undefined || tcp === undefined) throw new TypeError("this version of Node has no handles of sockets");
    return { tls: writesOf(tls), tcp: writesOf(tcp) };
  } finally {
    socket.destroy();
  }
}

const writesOf = ({ writeLatin1String, writev }: Handle): Handle => ({ writeLatin1String, writev });
