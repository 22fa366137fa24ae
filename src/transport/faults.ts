import { DeniedError } from "../errors/guard-error.js";
import type { HopRequest } from "./transport.js";

/** Whether a byte of the request may have left before the error. */
export type SentState = "no" | "maybe";

const STATES = new WeakMap<object, SentState>();

/**
 * Notes with an error whether its request may have left. An abort reason can be shared by many calls: once `maybe`, it
 * stays so, which can only make a caller more careful.
 */
export function noteSent(error: unknown, state: SentState): void {
  if (typeof error !== "object" || error === null || STATES.get(error) === "maybe") return;
  STATES.set(error, state);
}

/** Whether the request that failed with `error` may have left. `maybe` for every error that did not come from a transport. */
export function sentState(error: unknown): SentState {
  return (typeof error === "object" && error !== null ? STATES.get(error) : undefined) ?? "maybe";
}

/** `METHOD url-without-query`, as errors name a request. */
export function targetOf(hop: Pick<HopRequest, "method" | "url">): string {
  const query = hop.url.indexOf("?");
  return `${hop.method} ${query === -1 ? hop.url : hop.url.slice(0, query)}`;
}

/** undici puts the bytes it could not parse into `data`: unmasked upstream content, which an error must not carry. */
function withoutContent(cause: unknown): unknown {
  if (typeof cause === "object" && cause !== null && "data" in cause) Reflect.deleteProperty(cause, "data");
  return cause;
}

/** A fault before the headers were complete, as fetch reports it. */
export function networkFault(cause: unknown, state: SentState): TypeError {
  const fault = new TypeError("fetch failed", { cause: withoutContent(cause) });
  noteSent(fault, state);
  return fault;
}

/** A fault in the body, as fetch reports it. */
export function brokenBody(cause: unknown): TypeError {
  const fault = new TypeError("terminated", { cause: withoutContent(cause) });
  noteSent(fault, "maybe");
  return fault;
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

export function addressRefused(refusal: AddressRefusal, hop: HopRequest): DeniedError {
  const error = new DeniedError("ADDRESS_REFUSED", {
    message: `${refusal.hostname} is ${refusal.what}, which its service may not reach. If it should, list the network in the service's \`addresses\`.`,
    target: targetOf(hop),
    sent: false,
  });
  noteSent(error, "no");
  return error;
}
