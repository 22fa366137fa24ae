import type { GuardError } from "../errors/guard-error.js";
import { type AbortWatcher, unwatchAbort, watchAbort } from "./abort-watch.js";
import { ChunkQueue, type Valve } from "./chunk-queue.js";
import { decodeBody, readCodings } from "./decode.js";
import { AddressRefusal, addressRefused, brokenBody, failedUpload, faultOf, networkFault } from "./faults.js";
import { HeaderDeadline, HeaderFault } from "./header-deadline.js";
import type { Fault, Sending } from "./sending.js";
import type { BodySource, ContentCoding, HopRequest, HopResponse, SendOptions } from "./transport.js";

/** A header line as undici's parser gives it; some of its parts give several lines of one name at once. */
export type RawValue = Uint8Array | string | readonly (Uint8Array | string)[];

/** What an exchange needs to know besides the request. */
export interface ExchangeSettings {
  readonly maxInflatedBytes: number;
  /** Until the header is complete, once the request has been sent. Milliseconds; 0 for no limit. */
  readonly headersTimeoutMs: number;
  /** The far end of the connection the answer came on. */
  peer(): { readonly address: string | undefined; readonly proxy: string | undefined } | undefined;
  /** Called when the call ends before a connection took the request: releases a streamed body. */
  abandonBody(reason: unknown): void;
  /** Whether the caller's stream is what failed: its error is the caller's, and says nothing about the connection. */
  hasBodyFailed(): boolean;
  /** Called once, when nothing of the request will be written any more. */
  over(): void;
}

/** Fetch, "null body status", without the informational ones. */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);

/** undici is told that a request was stopped, never why: a caller's reason is not its business. */
const STOPPED = new Error("stopped by the caller");

/** In the record: what the caller's stream threw is the caller's own. */
const BODY_FAILED: Fault = { class: "TypeError", code: "REQUEST_BODY_FAILED" };

/** Bytes as the characters of the same numbers, as fetch reads header fields: in UTF-8, not all bytes would be text. */
const latin1 = (raw: Uint8Array | string): string =>
  typeof raw === "string" ? raw : Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength).toString("latin1");

/** Raw headers alternate between name and value. */
function asPairs(raw: readonly RawValue[]): (readonly [string, string])[] {
  const pairs: (readonly [string, string])[] = [];
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = latin1(raw[index] as Uint8Array).toLowerCase();
    const value = raw[index + 1] as RawValue;
    if (typeof value === "string" || value instanceof Uint8Array) pairs.push([name, latin1(value)]);
    else for (const one of value) pairs.push([name, latin1(one)]);
  }
  return pairs;
}

/**
 * One request and its answer, as a handler for undici's `dispatch`, in the form that undici's core works with: the newer
 * form is wrapped around it there, and reads header fields as UTF-8. It settles its promise once, watches its signal until
 * nothing is left to abort, and turns every fault into the error that fetch would give.
 */
export class Exchange implements Valve, AbortWatcher {
  readonly answer: Promise<HopResponse>;
  readonly #hop: HopRequest;
  readonly #signal: AbortSignal;
  readonly #sending: Sending;
  readonly #settings: ExchangeSettings;
  #resolve: (response: HopResponse) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #abort: ((reason: Error) => void) | undefined;
  #resumeSocket: (() => void) | undefined;
  #isPaused = false;
  #body: ChunkQueue | undefined;
  #isAnswered = false;
  #isOver = false;
  readonly #deadline: HeaderDeadline;

  constructor(hop: HopRequest, { signal, sending }: SendOptions, settings: ExchangeSettings) {
    this.#hop = hop;
    this.#signal = signal;
    this.#sending = sending;
    this.#settings = settings;
    this.#deadline = new HeaderDeadline(settings.headersTimeoutMs, () =>
      this.#abort?.(new HeaderFault("UND_ERR_HEADERS_TIMEOUT")),
    );
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    watchAbort(signal, this);
  }

  onAbort(): void {
    this.#fail(this.#signal.reason);
    this.#abort?.(STOPPED);
  }

  /**
   * A connection takes the request; nothing has been written yet. A second one is refused: undici may have lost the first under
   * a request that it takes for unsent, and what was approved once is not sent twice.
   */
  onConnect(abort: (reason?: Error) => void): void {
    if (this.#isOver || this.#abort !== undefined) abort(STOPPED);
    else {
      const objection = this.#hop.objection?.() ?? null;
      if (objection === null) {
        this.#sending.leaves();
        this.#abort = abort;
      } else {
        this.#fail(objection);
        abort(STOPPED);
      }
    }
  }

  onHeaders(status: number, rawHeaders: readonly RawValue[], resume: () => void, statusText = ""): boolean {
    if (this.#isOver) return true;
    if (status < 200) {
      if (this.#deadline.isFlooded()) this.#abort?.(new HeaderFault("UND_ERR_HEADERS_OVERFLOW"));
      return true;
    }
    this.#deadline.end();
    const headers = asPairs(rawHeaders);
    const { address, proxy } = this.#settings.peer() ?? {};
    const answer = (coding: ContentCoding, body: BodySource | null): HopResponse => {
      const facts: { -readonly [Key in keyof HopResponse]: HopResponse[Key] } = {
        status,
        statusText,
        headers,
        coding,
        body,
      };
      if (address !== undefined) facts.peerAddress = address;
      if (proxy !== undefined) facts.proxy = proxy;
      return facts;
    };
    if (this.#hop.method === "HEAD" || NULL_BODY_STATUSES.has(status)) {
      this.#isAnswered = true;
      this.settled();
      this.#resolve(answer("none", null));
      return true;
    }
    const codings = readCodings(headers);
    if (codings === "too many") {
      this.#abort?.(new Error("too many content-encodings in response"));
      return true;
    }
    this.#isAnswered = true;
    this.#resumeSocket = resume;
    const body = new ChunkQueue(this);
    this.#body = body;
    if (codings === "unknown") this.#resolve(answer("unknown", body));
    else if (codings.length === 0) this.#resolve(answer("none", body));
    else this.#resolve(answer("decoded", decodeBody(body, codings, this.#settings.maxInflatedBytes)));
    return true;
  }

  /** The request has got further: the time for the header begins anew. */
  onProgress(): void {
    this.#deadline.progress();
  }

  /**
   * From now on the header has a deadline, whatever comes before it.
   *
   * @param isSending whether the request is still being sent, and nobody but the caller holds it up.
   */
  awaitHeader(isSending: () => boolean): void {
    if (!this.#isAnswered && !this.#isOver) this.#deadline.watch(isSending);
  }

  onData(chunk: Uint8Array): boolean {
    if (this.#body !== undefined) this.#body.push(chunk);
    else this.#abort?.(STOPPED); // a body where there must be none
    return !this.#isPaused;
  }

  onComplete(): void {
    this.#body?.end();
  }

  /** No connection will take it. */
  refuse(error: GuardError): void {
    this.#sending.failed({ class: error.name, code: error.code });
    this.#fail(error);
  }

  onError(error: Error): void {
    if (this.#isOver) return;
    if (error instanceof AddressRefusal && !this.#sending.mayHaveLeft) {
      this.#sending.failed({ class: "DeniedError", code: "ADDRESS_REFUSED" });
      this.#fail(addressRefused(error, this.#hop));
      return;
    }
    if (this.#settings.hasBodyFailed()) {
      this.#sending.failed(BODY_FAILED);
      this.#fail(failedUpload(error, this.#isAnswered ? "terminated" : "fetch failed"));
      return;
    }
    this.#sending.failed(faultOf(error));
    this.#fail(this.#isAnswered ? brokenBody(error, this.#hop) : networkFault(error, this.#hop));
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    if (!this.#isPaused) return;
    this.#isPaused = false;
    this.#resumeSocket?.();
  }

  stop(): void {
    this.#abort?.(STOPPED);
  }

  settled(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#deadline.end();
    unwatchAbort(this.#signal, this);
    this.#settings.over();
  }

  #fail(error: unknown): void {
    if (this.#isOver) return;
    if (this.#isAnswered) {
      this.#body?.fail(error); // settles
      return;
    }
    this.settled();
    this.#settings.abandonBody(error);
    this.#reject(error);
  }
}
