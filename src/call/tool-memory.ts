import { createHash } from "node:crypto";
import { AlreadySentError, GuardError } from "../errors/guard-error.js";
import type { GuardParts, SessionState } from "../guard-parts.js";
import type { Decision } from "../policy/index.js";
import { targetOf } from "../request/target.js";
import type { SentOutcome, SentRequest } from "../store/index.js";
import type { HeaderPairs } from "../transport/index.js";
import type { Exchange } from "./exchange.js";
import type { FrozenHop } from "./hop.js";
import { fingerprintFor } from "./request-approval.js";

/** How long a tool call may be repeated without sending again what it has sent. */
const REMEMBERED_MS = 7 * 24 * 3_600_000;
/** Of a response, so much is kept. */
const MOST_BYTES = 64 * 1024;

/**
 * What a tool call remembers of one request that was approved. A framework that pauses a tool for its second approval runs it
 * again from the top, and the first request must not be sent a second time. Belongs to the principal, the agent and the tool
 * call: nobody else finds it. Requests that are the same within one execution are told apart by their order.
 */
export class ToolMemory {
  readonly #parts: GuardParts;
  readonly #session: SessionState;
  readonly #exchange: Exchange;
  readonly #hop: FrozenHop;
  readonly #decision: Decision;
  readonly #fingerprint: string;
  #number = 0;

  constructor(parts: GuardParts, session: SessionState, exchange: Exchange, hop: FrozenHop, decision: Decision) {
    this.#parts = parts;
    this.#session = session;
    this.#exchange = exchange;
    this.#hop = hop;
    this.#decision = decision;
    this.#fingerprint = fingerprintFor(parts, session, hop, decision);
  }

  /** Looks before anybody is asked. @throws AlreadySentError where an earlier execution has sent the request */
  async recall(): Promise<void> {
    for (;;) {
      const number = this.#next();
      const earlier = await this.#asked(this.#parts.sent.get(this.#keyOf(number), this.#parts.clock.now()));
      if (earlier === undefined) return;
      this.#take(number, earlier);
    }
  }

  /** Notes that the request is about to be sent. @throws AlreadySentError where another execution was faster */
  async begin(): Promise<void> {
    const at = this.#parts.clock.now();
    const request: SentRequest = {
      execution: this.#exchange.run.execution,
      requestId: this.#exchange.id,
      sessionId: this.#session.id,
      at,
      expiresAt: at + REMEMBERED_MS,
      policyDigest: this.#decision.policy.hash,
    };
    for (;;) {
      this.#number = this.#next();
      const earlier = await this.#asked(this.#parts.sent.begin(this.#keyOf(this.#number), request));
      if (earlier === undefined) break;
      this.#take(this.#number, earlier);
    }
    this.#numbers().add(this.#number);
  }

  /** Nothing of the request was sent. */
  async forget(): Promise<void> {
    await this.#finish(null);
    // Free again: otherwise a repeat would look for the sending that followed under another number.
    this.#numbers().delete(this.#number);
  }

  /** Keeps what came back. Never throws: that the request was sent is remembered already. */
  async keep(outcome: SentOutcome): Promise<void> {
    await this.#finish(outcome);
  }

  /** The requests of this execution that are the same as this one. */
  #numbers(): Set<number> {
    const { sent } = this.#exchange.run;
    const numbers = sent.get(this.#fingerprint) ?? new Set<number>();
    sent.set(this.#fingerprint, numbers);
    return numbers;
  }

  #next(): number {
    const numbers = this.#numbers();
    let number = 0;
    while (numbers.has(number)) number++;
    return number;
  }

  /** A number that is taken: by an identical request beside this one, or by an earlier execution. */
  #take(number: number, earlier: SentRequest): void {
    this.#numbers().add(number);
    if (earlier.execution !== this.#exchange.run.execution) this.#refuse(earlier);
  }

  #keyOf(number: number): string {
    const { principal, agent } = this.#session.context();
    const { tenant, issuer, type, id } = principal;
    const chain = (this.#session.brokerSession.delegatedBy ?? []).map((one) => one.id);
    const { toolCallId } = this.#exchange.run.ids;
    const whose = [tenant ?? null, issuer ?? null, type, id, agent.id, chain, toolCallId, this.#fingerprint, number];
    return createHash("sha256").update(JSON.stringify(whose)).digest("base64url");
  }

  /** The earlier response, where the rule wants it and it was kept under this policy; the refusal otherwise. */
  #refuse({ outcome, requestId, policyDigest }: SentRequest): never {
    const isMaskedAlike = policyDigest === this.#decision.policy.hash;
    const response = outcome?.body === undefined || !isMaskedAlike ? undefined : responseOf(outcome, requestId);
    if (response !== undefined && this.#decision.obligations.approval?.repeat !== "refuse")
      this.#exchange.replay(response);
    const came = outcome === undefined ? "and its outcome is not known" : `and its status was ${outcome.status}`;
    throw new AlreadySentError({
      target: targetOf(this.#hop.told.request),
      modelReason: `an earlier execution of this tool call has sent it, ${came}`,
      ...(outcome === undefined ? {} : { status: outcome.status }),
      ...(response === undefined ? {} : { response }),
    });
  }

  async #asked<Result>(work: Promise<Result>): Promise<Result> {
    return await work.catch(() => {
      throw new GuardError("STORE_UNAVAILABLE", { target: targetOf(this.#hop.told.request) });
    });
  }

  async #finish(outcome: SentOutcome | null): Promise<void> {
    const key = this.#keyOf(this.#number);
    await this.#parts.sent
      .finish(key, this.#exchange.run.execution, outcome)
      .catch(() =>
        this.#parts.log.error({ request: this.#exchange.id }, "the store was not told what a tool call has sent"),
      );
  }
}

/** The memory of a request that is to be approved; null outside of any tool call. */
export const toolMemory = (
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  hop: FrozenHop,
  decision: Decision,
): ToolMemory | null =>
  exchange.run.ids.toolCallId === undefined ? null : new ToolMemory(parts, session, exchange, hop, decision);

/** Statuses of which a response has no body (Fetch, "null body status"). */
const WITHOUT_BODY: ReadonlySet<number> = new Set([101, 103, 204, 205, 304]);

function responseOf(outcome: SentOutcome, requestId: string): Response {
  const { status, statusText, headers, body = "" } = outcome;
  return new Response(WITHOUT_BODY.has(status) ? null : Buffer.from(body, "base64"), {
    status,
    statusText,
    // No field of a service has such a name: they are left out of what the agent sees.
    headers: [...headers.map(([name, value]): [string, string] => [name, value]), ["x-sallyport-replayed", requestId]],
  });
}

/** Collects a response, as the caller gets it, for the requests of a call that are remembered. */
export class ResponseKeeper {
  readonly #memories: readonly ToolMemory[];
  #chunks: Uint8Array[] | null = [];
  #size = 0;
  #isEnded = false;
  #head: Omit<SentOutcome, "body"> | null = null;
  #keeping: Promise<unknown> | undefined;

  constructor(memories: readonly ToolMemory[]) {
    this.#memories = memories;
  }

  add(chunk: Uint8Array): void {
    this.#size += chunk.byteLength;
    if (this.#size > MOST_BYTES) this.#chunks = null;
    this.#chunks?.push(chunk.slice());
  }

  /** The body is over; `isWhole` where it was read to its end. */
  end(isWhole: boolean): void {
    if (!isWhole) this.#chunks = null;
    this.#isEnded = true;
    this.#keep();
  }

  head(status: number, statusText: string, headers: HeaderPairs): void {
    this.#head = { status, statusText, headers };
    this.#keep();
  }

  /** Settles once what there is to keep is kept; never rejects. */
  async kept(): Promise<void> {
    await this.#keeping;
  }

  #keep(): void {
    if (!this.#isEnded || this.#head === null) return;
    const body = this.#chunks === null ? {} : { body: Buffer.concat(this.#chunks).toString("base64") };
    const outcome = { ...this.#head, ...body };
    this.#keeping ??= Promise.all(this.#memories.map((memory) => memory.keep(outcome)));
  }
}
