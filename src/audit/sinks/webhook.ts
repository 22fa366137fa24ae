import { createHmac } from "node:crypto";
import { type Clock, systemClock } from "../../clock.js";
import {
  anyText,
  callable,
  dictionary,
  having,
  list,
  needed,
  object,
  type Shape,
  secretBytes,
  text,
  whole,
} from "../../shapes/index.js";
import type { AuditSink, RecordedLine } from "./sink.js";
import { readTarget } from "./target.js";

export interface WebhookOptions {
  /** Signs each delivery; at least 24 bytes. */
  readonly secret: string | Uint8Array;
  /** How often a delivery is tried. Default 5. */
  readonly attempts?: number;
  /** Gets each line that could not be delivered. Default: it is only in the file. */
  readonly deadLetter?: (recorded: RecordedLine) => void;
  /** Which types are delivered. Default: all. */
  readonly types?: readonly string[];
  /** Added to each delivery. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
  /** Default: the system's. */
  readonly clock?: Clock;
}

/**
 * Posts each line to a URL, signed as Standard Webhooks describes (https://www.standardwebhooks.com): `webhook-id`,
 * `webhook-timestamp` in seconds, and `webhook-signature`, which is `v1,` and HMAC-SHA256 in Base64 over
 * `<id>.<timestamp>.<body>`. A receiver that refuses old timestamps and ids it has seen cannot be fed a delivery twice.
 *
 * @throws {OptionsError} with everything that is wrong.
 */
export function webhookSink(url: string | URL, options: WebhookOptions): AuditSink {
  const read = readTarget(url, options, OPTIONS);
  const { target } = read;
  const { secret, attempts = 5, deadLetter, types, headers, fetch: send, clock = systemClock } = read.options;
  const wanted = types === undefined ? undefined : new Set(types);
  return {
    name: target.origin + target.pathname,
    attempts,
    ...(deadLetter === undefined ? {} : { givenUp: deadLetter }),
    async write({ line, event }, { signal }) {
      if (wanted !== undefined && !wanted.has(event.type)) return;
      const timestamp = String(Math.floor(clock.now() / 1000));
      const signature = createHmac("sha256", secret).update(`${event.id}.${timestamp}.${line}`).digest("base64");
      const response = await (send ?? globalThis.fetch)(target, {
        method: "POST",
        headers: {
          ...headers,
          "content-type": "application/json",
          "webhook-id": event.id,
          "webhook-timestamp": timestamp,
          "webhook-signature": `v1,${signature}`,
        },
        body: line,
        redirect: "error",
        signal,
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`status ${response.status}`);
    },
  };
}

const OPTIONS: Shape<WebhookOptions> = object<WebhookOptions>({
  secret: needed(secretBytes(24), "must have at least 24 bytes"),
  attempts: whole(1),
  deadLetter: callable(),
  types: list(text("must be a type of event"), { message: "must be a list of types" }),
  headers: dictionary(anyText()),
  fetch: callable(),
  clock: having(["now", "monotonic", "schedule"], "must be a clock"),
});
