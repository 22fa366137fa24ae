import { isGuardError } from "../../errors/guard-error.js";
import type { GuardParts, SessionState } from "../../guard-parts.js";
import type { MaskingPass } from "../../masking/index.js";
import type { KnownSecrets } from "../../masking/known/known-secrets.js";
import type { Decision } from "../../policy/index.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { headerValues } from "../../request/headers.js";
import { type BodySource, buildResponse, type HopResponse, matchingBody } from "../../transport/index.js";
import { noteEntityTag } from "../conditions.js";
import type { Delivery, Exchange } from "../exchange.js";
import type { ResponseKeeper } from "../tool-memory.js";
import { openMask } from "./open-mask.js";
import { readAhead } from "./read-ahead.js";
import { maskedReason, maskedUrl, maskerOf, visibleHeaders } from "./response-headers.js";

/** An answer on its way to the caller. */
export interface Arrival {
  readonly request: CanonicalRequest;
  readonly decision: Decision;
  readonly answer: HopResponse;
  /** How many redirects were followed; `request` is the last hop's. */
  readonly followed: number;
  /** Whether one of them led to another origin, if only for a while (Fetch, "response tainting"). */
  readonly crossed: boolean;
  /** Subresource Integrity metadata of the call; empty for none. */
  readonly integrity: string;
  /** The caller's own signal. */
  readonly callerSignal: AbortSignal | null;
  /** Aborts when the caller or the session breaks the call off. */
  readonly signal: AbortSignal;
  /** Called once when nothing more of the answer is wanted. */
  readonly release: () => void;
  /** Keeps the response for repeats of its tool call; null where nobody repeats it. */
  readonly keeper: ResponseKeeper | null;
}

/** Answers up to this size are read, masked and recorded before the caller gets them; longer ones flow. */
const READ_AHEAD = 64 * 1024;

/** Masks the answer and records the outcome, as it flows or at once; the caller gets an ordinary Response. */
export async function deliver(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  arrival: Arrival,
): Promise<Response> {
  const { request, answer, followed, crossed, integrity } = arrival;
  const secrets = parts.broker.knownSecrets();
  const flow = openFlow(parts, session, exchange, arrival, secrets);
  if (integrity !== "") await flow.verify(integrity);
  const length = declaredLength(answer);
  let body: BodySource | Uint8Array | null = null;
  if (answer.body === null) await flow.finish();
  else if (length !== null && length <= READ_AHEAD) {
    body = (integrity === "" ? flow.arrived() : null) ?? (await readAhead(flow, parts.clock));
    const recorded = flow.recorded();
    if (recorded !== undefined) await recorded;
  } else body = flow;
  const mask = maskerOf(parts, session, request, secrets);
  const changed = flow.mayHaveChanged();
  const unseen = answer.body === null && parts.masker !== null && isRead(request);
  const delivered = { changed, unseen, length: body instanceof Uint8Array ? body.byteLength : null };
  const headers = visibleHeaders(answer, mask, delivered, exchange.droppedHeaders);
  if (!changed && answer.body !== null && isRead(request)) noteEntityTag(session, request, headers);
  const statusText = maskedReason(answer, mask);
  if (arrival.keeper !== null) {
    arrival.keeper.head(answer.status, statusText, headers);
    await arrival.keeper.kept();
  }
  return buildResponse({
    status: answer.status,
    statusText,
    headers,
    url: followed > 0 ? maskedUrl(request.url, mask) : request.url,
    redirected: followed > 0,
    // What is here already, only the caller can still give up.
    signal: body instanceof Uint8Array ? arrival.callerSignal : arrival.signal,
    type: crossed ? "cors" : "basic",
    body,
  });
}

const isRead = ({ method }: CanonicalRequest): boolean => method === "GET" || method === "HEAD";

interface Flow extends BodySource {
  /** Waits until all of the body is there and is what Subresource Integrity metadata says. @throws TypeError where it is not */
  verify(integrity: string): Promise<void>;
  arrived(): Uint8Array | null;
  /** Settles once the outcome is on disk; undefined where it is. */
  recorded(): Promise<void> | undefined;
  finish(): Promise<void> | undefined;
  mayHaveChanged(): boolean;
}

/** The answer's body, masked as it is read; however it ends, the exchange is told once. */
function openFlow(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  arrival: Arrival,
  secrets: KnownSecrets,
): Flow {
  const { answer, decision } = arrival;
  const media = headerValues(answer.headers, "content-type")[0] ?? null;
  let pass: MaskingPass | null;
  try {
    pass = openMask(parts, session, arrival, secrets);
  } catch (error) {
    answer.body?.cancel();
    exchange.failed(error, answer);
    arrival.release();
    throw error;
  }
  const capture =
    answer.body === null
      ? null
      : parts.recorder.answer(session.record.bodies, {
          level: decision.obligations.record,
          media,
          opaque: answer.coding === "unknown",
          paths: decision.obligations.mask,
          secrets: () => parts.broker.knownSecrets(),
        });
  let bytes = 0;
  let state: "open" | "flushed" | "over" = "open";
  let failure: unknown;
  const delivery = (complete: boolean): Delivery => ({
    bytes,
    complete,
    media,
    masked: pass !== null,
    counts: pass?.counts ?? {},
    ...(capture === null ? undefined : { kept: () => capture.end(complete) }),
  });
  const handOn = (chunk: Uint8Array): Uint8Array => {
    capture?.keep(chunk);
    arrival.keeper?.add(chunk);
    return chunk;
  };
  let recorded: Promise<void> | undefined;
  /** The caller may have gone, and then what is thrown reaches nobody. */
  const told = (error: unknown): unknown => {
    parts.log.error({ session: session.id, request: exchange.id }, "the outcome of a call could not be recorded");
    return error;
  };
  const end = (record: () => void, isWhole = false): void => {
    if (state === "over") return;
    state = "over";
    session.exchanges.delete(abandonable);
    arrival.release();
    arrival.keeper?.end(isWhole);
    try {
      record();
    } catch (error) {
      throw told(error);
    }
  };
  const complete = (): void =>
    end(() => {
      recorded = exchange.completedSoon(answer, delivery(true))?.catch((error: unknown) => {
        throw told(error);
      });
    }, true);
  const fail = (error: unknown): never => {
    failure = error;
    answer.body?.cancel();
    end(() => exchange.broken(error, answer, delivery(false)));
    throw error;
  };
  /** Nobody waits for this: an error would end the process from a finalizer, or a closing session half-way. */
  const giveUp = (reason: unknown): void => {
    answer.body?.cancel(reason);
    try {
      end(() => exchange.abandoned(answer, delivery(false)));
    } catch {
      // Told to the operator.
    }
  };
  const abandonable = {
    abandon: (): void => {
      failure = session.signal.reason;
      giveUp(failure);
    },
  };
  session.exchanges.add(abandonable);
  const masked: BodySource = {
    async read() {
      const chunk = answer.body === null || state === "flushed" ? null : await answer.body.read();
      if (chunk === null) {
        const last = state === "open" && pass !== null ? pass.flush() : null;
        if (state === "open") state = "flushed";
        return last !== null && last.byteLength > 0 ? last : null;
      }
      bytes += chunk.byteLength;
      capture?.see(chunk);
      return pass === null ? chunk : pass.push(chunk);
    },
    cancel: (reason) => answer.body?.cancel(reason),
  };
  let source = masked;
  const next = async (): Promise<Uint8Array | null> => {
    const chunk = await source.read();
    if (chunk !== null) return handOn(chunk);
    complete();
    await recorded;
    await arrival.keeper?.kept();
    return null;
  };
  return {
    async verify(integrity) {
      try {
        // What the caller gets, and nothing else: a digest of what was masked would tell whether it was guessed right.
        const held = answer.body === null ? null : await matchingBody(masked, integrity);
        if (held === null) throw new Error("integrity mismatch");
        source = held;
      } catch (cause) {
        const isFault = cause instanceof Error && !isGuardError(cause) && !arrival.signal.aborted;
        fail(isFault ? new TypeError("fetch failed", { cause }) : cause);
      }
    },
    arrived() {
      const whole = answer.body?.arrived?.() ?? null;
      if (whole === null) return null;
      try {
        bytes = whole.byteLength;
        capture?.see(whole);
        const masked = handOn(pass === null ? whole : pass.whole(whole));
        complete();
        return masked;
      } catch (error) {
        return fail(error);
      }
    },
    async read() {
      if (failure !== undefined) throw failure;
      if (state === "over") return null;
      try {
        return await next();
      } catch (error) {
        return fail(error);
      }
    },
    onBroken(listener) {
      if (failure !== undefined) listener(failure);
      answer.body?.onBroken?.((error) => {
        if (failure !== undefined || state === "over") return;
        try {
          fail(error);
        } catch (thrown) {
          listener(thrown);
        }
      });
    },
    cancel: giveUp,
    recorded: () => recorded,
    finish() {
      complete();
      return recorded;
    },
    mayHaveChanged: () => pass !== null && (state !== "over" || Object.keys(pass.counts).length > 0),
  };
}

function declaredLength(answer: HopResponse): number | null {
  const [length] = headerValues(answer.headers, "content-length");
  return length === undefined || !/^[0-9]{1,15}$/.test(length) ? null : Number(length);
}
