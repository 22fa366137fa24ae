import { type AbortWatcher, unwatchAbort, watchAbort } from "./abort-watch.js";
import { ChunkQueue, type Valve } from "./chunk-queue.js";
import { decodeBody, readCodings } from "./decode.js";
import { AddressRefusal, addressRefused, brokenBody, networkFault, noteSent } from "./faults.js";
import type { BodySource, ContentCoding, HopRequest, HopResponse } from "./transport.js";

/** The part of undici's `DispatchController` that is used. */
export interface Controller {
  pause(): void;
  resume(): void;
  abort(reason: Error): void;
}

/** What an exchange needs to know besides the request. */
export interface ExchangeSettings {
  readonly maxInflatedBytes: number;
  /** The address of the connection the answer came on. */
  peerAddress(): string | undefined;
  /** Called when the call ends before a connection took the request: releases a streamed body. */
  abandonBody(reason: unknown): void;
}

/** Fetch, "null body status", without the informational ones. */
const NULL_BODY_STATUSES: ReadonlySet<number> = new Set([204, 205, 304]);

/** undici is told that a request was stopped, never why: a caller's reason is not its business. */
const STOPPED = new Error("stopped by the caller");

const asList = (headers: Readonly<Record<string, string | string[] | undefined>>): (readonly [string, string])[] => {
  const pairs: (readonly [string, string])[] = [];
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (typeof value === "string") pairs.push([name, value]);
    else if (value !== undefined) for (const one of value) pairs.push([name, one]);
  }
  return pairs;
};

/**
 * One request and its answer, as a handler for undici's `dispatch`. It settles its promise once, watches its signal until
 * nothing is left to abort, and turns every fault into the error that fetch would give.
 */
export class Exchange implements Valve, AbortWatcher {
  readonly answer: Promise<HopResponse>;
  readonly #hop: HopRequest;
  readonly #signal: AbortSignal;
  readonly #settings: ExchangeSettings;
  #resolve: (response: HopResponse) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #controller: Controller | undefined;
  #body: ChunkQueue | undefined;
  #isAnswered = false;
  #isOver = false;

  constructor(hop: HopRequest, signal: AbortSignal, settings: ExchangeSettings) {
    this.#hop = hop;
    this.#signal = signal;
    this.#settings = settings;
    this.answer = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    watchAbort(signal, this);
  }

  onAbort(): void {
    const reason: unknown = this.#signal.reason;
    noteSent(reason, this.#controller === undefined ? "no" : "maybe");
    this.#fail(reason);
    this.#controller?.abort(STOPPED);
  }

  /** A connection takes the request; nothing has been written yet. */
  onRequestStart(controller: Controller): void {
    if (this.#isOver) controller.abort(STOPPED);
    else this.#controller = controller;
  }

  onResponseStart(
    controller: Controller,
    status: number,
    headers: Readonly<Record<string, string | string[] | undefined>>,
    statusText = "",
  ): void {
    if (status < 200 || this.#isOver) return; // informational: the answer is still to come
    this.#isAnswered = true;
    const peerAddress = this.#settings.peerAddress();
    const answer = (coding: ContentCoding, body: BodySource | null): HopResponse =>
      peerAddress === undefined
        ? { status, statusText, headers: fields, coding, body }
        : { status, statusText, headers: fields, peerAddress, coding, body };
    const fields = asList(headers);
    if (this.#hop.method === "HEAD" || NULL_BODY_STATUSES.has(status)) {
      this.settled();
      this.#resolve(answer("none", null));
      return;
    }
    this.#controller = controller;
    const body = new ChunkQueue(this);
    this.#body = body;
    const codings = readCodings(headers["content-encoding"]);
    if (codings === "unknown") this.#resolve(answer("unknown", body));
    else if (codings.length === 0) this.#resolve(answer("none", body));
    else this.#resolve(answer("decoded", decodeBody(body, codings, this.#settings.maxInflatedBytes)));
  }

  onResponseData(controller: Controller, chunk: Uint8Array): void {
    if (this.#body !== undefined) this.#body.push(chunk);
    else controller.abort(STOPPED); // a body where there must be none
  }

  onResponseEnd(): void {
    this.#body?.end();
  }

  onResponseError(_controller: Controller | undefined, error: Error): void {
    if (this.#isOver) return;
    if (error instanceof AddressRefusal) this.#fail(addressRefused(error, this.#hop));
    else if (this.#isAnswered) this.#fail(brokenBody(error));
    else this.#fail(networkFault(error, this.#controller === undefined ? "no" : "maybe"));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  stop(): void {
    this.#controller?.abort(STOPPED);
  }

  settled(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    unwatchAbort(this.#signal, this);
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
