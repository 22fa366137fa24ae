import { createHmac } from "node:crypto";
import { type Clock, systemClock } from "../../clock.js";
import { type ConfigurationProblem, OptionsError } from "../../errors/guard-error.js";
import type { AuditSink, RecordedLine } from "./sink.js";

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

const SHORTEST_SECRET = 24;

/**
 * Posts each line to a URL, signed as Standard Webhooks describes (https://www.standardwebhooks.com): `webhook-id`,
 * `webhook-timestamp` in seconds, and `webhook-signature`, which is `v1,` and HMAC-SHA256 in Base64 over
 * `<id>.<timestamp>.<body>`. A receiver that refuses old timestamps and ids it has seen cannot be fed a delivery twice.
 *
 * @throws {OptionsError} with everything that is wrong.
 */
export function webhookSink(url: string | URL, options: WebhookOptions): AuditSink {
  const target = checked(url, options);
  const {
    secret,
    attempts = 5,
    deadLetter,
    types,
    headers,
    fetch: send = globalThis.fetch,
    clock = systemClock,
  } = options;
  const wanted = types === undefined ? undefined : new Set(types);
  return {
    name: target.origin + target.pathname,
    attempts,
    ...(deadLetter === undefined ? {} : { givenUp: deadLetter }),
    async write({ line, event }, { signal }) {
      if (wanted !== undefined && !wanted.has(event.type)) return;
      const timestamp = String(Math.floor(clock.now() / 1000));
      const signature = createHmac("sha256", secret).update(`${event.id}.${timestamp}.${line}`).digest("base64");
      const response = await send(target, {
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

function checked(url: string | URL, { secret, attempts = 5 }: WebhookOptions): URL {
  const problems: ConfigurationProblem[] = [];
  if (!URL.canParse(url)) problems.push({ pointer: "/url", message: "must be a URL" });
  if (secret === undefined || secret.length < SHORTEST_SECRET)
    problems.push({ pointer: "/secret", message: `must have at least ${SHORTEST_SECRET} bytes` });
  if (!Number.isSafeInteger(attempts) || attempts < 1)
    problems.push({ pointer: "/attempts", message: "must be a whole number of at least 1" });
  if (problems.length > 0) throw new OptionsError(problems);
  return new URL(url);
}
