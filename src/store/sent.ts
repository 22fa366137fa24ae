import type { Table } from "./documents.js";

/** What came back for a request, masked, as the caller got it. */
export interface SentOutcome {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [string, string])[];
  /** Base64. Absent where it was too long, or was not read to its end. */
  readonly body?: string;
}

/** A request that a tool call has sent. */
export interface SentRequest {
  /** Which execution of the tool call has sent it. */
  readonly execution: string;
  readonly requestId: string;
  readonly sessionId: string;
  /** Epoch milliseconds; after `expiresAt` it is forgotten. */
  readonly at: number;
  readonly expiresAt: number;
  /** Digest of the policy under which it was sent, and its response was masked. */
  readonly policyDigest: string;
  /** Absent while it is under way, and where nobody knows what became of it. */
  readonly outcome?: SentOutcome;
}

/** What tool calls have sent, so that a repeat of one does not send it again. Each verb is atomic. */
export interface SentStore {
  /** Puts a request where there is none with this key; otherwise returns the one that is there, and changes nothing. */
  begin(key: string, request: SentRequest): Promise<SentRequest | undefined>;
  get(key: string, now: number): Promise<SentRequest | undefined>;
  /** Adds the outcome to a request of this execution; null forgets it, where nothing of it was sent. */
  finish(key: string, execution: string, outcome: SentOutcome | null): Promise<void>;
}

/** Requests are only ever asked for by their key. */
export const sentIndex = (): string => "";

/** More requests than this are not remembered, and more bytes of responses are not kept: the oldest go first. */
const MOST_REQUESTS = 5_000;
const MOST_CHARACTERS = 16 * 1024 * 1024;

export function sentIn(table: Table<SentRequest>): SentStore {
  return {
    begin: (key, request) =>
      table.transact((requests) => {
        const earlier = requests.get(key);
        if (earlier !== undefined && earlier.expiresAt > request.at) return earlier;
        for (const [other, { expiresAt }] of [...requests.entries()]) {
          if (expiresAt > request.at && requests.size < MOST_REQUESTS) break;
          requests.delete(other);
        }
        requests.delete(key);
        requests.put(key, request);
        return undefined;
      }),
    get: (key, now) =>
      table.transact((requests) => {
        const request = requests.get(key);
        return request === undefined || request.expiresAt <= now ? undefined : request;
      }),
    finish: (key, execution, outcome) =>
      table.transact((requests) => {
        const request = requests.get(key);
        if (request === undefined || request.execution !== execution || request.outcome !== undefined) return;
        if (outcome === null) {
          requests.delete(key);
          return;
        }
        requests.put(key, { ...request, outcome });
        const all = [...requests.entries()];
        let kept = all.reduce((sum, [, one]) => sum + (one.outcome?.body?.length ?? 0), 0);
        for (const [other, one] of all) {
          if (kept <= MOST_CHARACTERS) return;
          if (one.outcome?.body === undefined) continue;
          const { body, ...rest } = one.outcome;
          kept -= body.length;
          requests.put(other, { ...one, outcome: rest });
        }
      }),
  };
}
