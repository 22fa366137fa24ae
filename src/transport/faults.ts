import { DeniedError } from "../errors/guard-error.js";
import { targetOf } from "../request/target.js";
import type { Fault } from "./sending.js";
import type { HopRequest } from "./transport.js";

type Redact = NonNullable<HopRequest["redact"]>;

type Keeps = (key: string) => boolean;

/** What Node and undici say of a fault in words of their own. All else that hangs on one can be of the other side's making. */
const OWN_WORDS: ReadonlySet<string> = new Set([
  "name",
  "message",
  "stack",
  "code",
  "errno",
  "syscall",
  "status", // of a proxy: a number
  "cause",
  "errors",
]);
const hasOwnWords: Keeps = (key) => OWN_WORDS.has(key);
/** What is known to hold what the other side wrote; all else that somebody's `fetch` hangs on an error is its own. */
const THEIR_WORDS: ReadonlySet<string> = new Set(["data", "cert", "reason", "host", "hostname", "input", "base"]);
const MOST_CAUSES = 8;

/** Whose message names what stands in the certificate that the other side has shown. */
const CERTIFICATE_NAMES = "ERR_TLS_CERT_ALTNAME_INVALID";
const OTHER_NAMES = "The certificate is for other names than the host's";

/**
 * The fault without what the other side wrote: undici puts the bytes it could not parse into `data`, Node a certificate into
 * `cert` and its names into the message, and a name that was looked up can come from a redirect. Changed in place, since the
 * class of a fault is what programs look at; one that came of the caller's own stream is the caller's, and left alone.
 */
function withoutContent(
  cause: unknown,
  redact: Redact,
  keeps: Keeps = hasOwnWords,
  left: number = MOST_CAUSES,
): unknown {
  if (typeof cause !== "object" || cause === null || left === 0) return cause;
  // Shared by all calls that waited for the connection: each has a refusal of its own.
  if (cause instanceof AddressRefusal)
    return Object.assign(new Error("The address is refused"), { code: "ADDRESS_REFUSED" });
  for (const key of Object.getOwnPropertyNames(cause)) if (!keeps(key)) Reflect.deleteProperty(cause, key);
  if (!(cause instanceof Error)) return cause;
  const { message, stack = "", code, errors } = cause as Error & { readonly code?: unknown; readonly errors?: unknown };
  const told = code === CERTIFICATE_NAMES ? OTHER_NAMES : redact(message);
  if (told !== message) {
    const frames = stack.indexOf("\n    at ");
    cause.message = told;
    cause.stack = `${cause.name}: ${told}${frames === -1 ? "" : stack.slice(frames)}`;
  }
  for (const one of [cause.cause, ...(Array.isArray(errors) ? errors : [])])
    withoutContent(one, redact, keeps, left - 1);
  return cause;
}

const asItIs: Redact = (text) => text;

/** A fault before the headers were complete, as fetch reports it. */
export const networkFault = (cause: unknown, { redact = asItIs }: Pick<HopRequest, "redact"> = {}): TypeError =>
  new TypeError("fetch failed", { cause: withoutContent(cause, redact) });

/** A fault in the body, as fetch reports it. */
export const brokenBody = (cause: unknown, { redact = asItIs }: Pick<HopRequest, "redact"> = {}): TypeError =>
  new TypeError("terminated", { cause: withoutContent(cause, redact) });

/** What a `fetch` has thrown: its own error, without what the other side wrote. */
export const fetchFault = (error: unknown, { redact = asItIs }: Pick<HopRequest, "redact">): unknown =>
  withoutContent(error, redact, (key) => !THEIR_WORDS.has(key));

/** A fault of the body that the caller gave. */
export const failedUpload = (cause: unknown, message: "fetch failed" | "terminated"): TypeError =>
  new TypeError(message, { cause });

/** The code of a fault of the network, TLS or HTTP, for the record: a word, and nothing else that an error can hold. */
export function faultOf(cause: unknown): Fault {
  const code = typeof cause === "object" && cause !== null && "code" in cause ? cause.code : undefined;
  return {
    class: "TypeError",
    code: typeof code === "string" && /^[A-Z][A-Z0-9_]{1,63}$/.test(code) ? code : "UNKNOWN",
  };
}

/** Why no connection was opened. Turned into a {@link DeniedError} per request: one failed connection can end several. */
export class AddressRefusal extends Error {
  override readonly name: string = "AddressRefusal";
  readonly hostname: string;
  /** What the host is, for the operator: `a loopback address`. The address itself would map the network for an agent. */
  readonly what: string;
  constructor(hostname: string, what: string) {
    super(`${hostname} is ${what}`);
    this.hostname = hostname;
    this.what = what;
  }
}

export const addressRefused = (refusal: AddressRefusal, hop: HopRequest): DeniedError =>
  new DeniedError("ADDRESS_REFUSED", {
    message: `${(hop.redact ?? asItIs)(refusal.hostname)} is ${refusal.what}, which its service may not reach. If it should, list the network in the service's \`addresses\`.`,
    target: targetOf(hop),
    sent: false,
  });
