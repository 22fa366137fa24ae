import { Socket } from "node:net";
import type { HopRequest } from "../transport.js";

/** RFC 9110 section 9.2.1. */
const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/**
 * Whether another request may follow this one on its connection of HTTP/1.1. A service may have an endpoint that responds
 * without reading the body: the body is then the beginning of the next request. So after a request that has a body, or is
 * not safe, the connection is closed, unless the policy says of the service that it reads every body (`reuse: "always"`).
 */
export const mayBeFollowed = ({ method, body, reuse }: HopRequest): boolean =>
  reuse === true || (body === null && SAFE_METHODS.has(method));

/** The server has sent what nobody had asked for. */
class UnaskedBytes extends Error {
  override readonly name: string = "UnaskedBytes";
  readonly code = "UND_ERR_SOCKET";
  constructor() {
    super("the server sent bytes that nobody had asked for");
  }
}

// As they were when this module was loaded.
const { apply, defineProperty } = Reflect;
const { read } = Socket.prototype;

const EMPTY_LINE = "\r\n\r\n";
const LONGER_THAN_EMPTY_LINE = 6;

/**
 * What comes in on a connection of HTTP/1.1, seen in the `read` by which undici takes it off the socket. llhttp skips line
 * breaks between two responses and ends a connection for anything else; here, nothing at all may stand there.
 */
export class Incoming {
  readonly #socket: Socket;
  #isAsked = false;
  /** The last one that was read, and what stood before it where it is shorter than what is looked at. */
  #chunk: Buffer | null = null;
  #before = "";

  constructor(socket: Socket) {
    this.#socket = socket;
    const value = (size?: number): Buffer | null => {
      const chunk = apply(read, socket, [size]) as Buffer | null;
      return chunk === null ? null : this.#seen(chunk);
    };
    defineProperty(socket, "read", { __proto__: null, value } as PropertyDescriptor);
  }

  /** A request is about to be written: from now on, its response may come. */
  expect(): void {
    this.#isAsked = true;
    this.#before = "";
    this.#chunk = null;
  }

  /**
   * The response has ended. False where more was read than belongs to it.
   *
   * @param lastData the last piece of the body as undici's parser handed it on, a part of the chunk that was read; null for a
   *   body whose end is a line of its own (chunked), and for none.
   */
  endedExactly(lastData: Uint8Array | null): boolean {
    this.#isAsked = false;
    const chunk = this.#chunk;
    if (lastData !== null) {
      const end = (bytes: Uint8Array): number => bytes.byteOffset + bytes.byteLength;
      return chunk !== null && lastData.buffer === chunk.buffer && end(lastData) === end(chunk);
    }
    const tail = this.#tail();
    return tail.endsWith(EMPTY_LINE) && !tail.startsWith("\r\n\r\n\r\n");
  }

  #tail(): string {
    const chunk = this.#chunk;
    if (chunk === null) return "";
    const from = Math.max(0, chunk.length - LONGER_THAN_EMPTY_LINE);
    return (this.#before + chunk.toString("latin1", from)).slice(-LONGER_THAN_EMPTY_LINE);
  }

  #seen(chunk: Buffer): Buffer | null {
    if (!this.#isAsked) {
      this.#socket.destroy(new UnaskedBytes());
      return null;
    }
    this.#before = chunk.length < LONGER_THAN_EMPTY_LINE ? this.#tail() : "";
    this.#chunk = chunk;
    return chunk;
  }
}
