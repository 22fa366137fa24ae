import { DeniedError } from "../errors/guard-error.js";
import type { Fault } from "./sending.js";
import type { HopRequest } from "./transport.js";

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
export const networkFault = (cause: unknown): TypeError =>
  new TypeError("fetch failed", { cause: withoutContent(cause) });

/** A fault in the body, as fetch reports it. */
export const brokenBody = (cause: unknown): TypeError => new TypeError("terminated", { cause: withoutContent(cause) });

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
    message: `${refusal.hostname} is ${refusal.what}, which its service may not reach. If it should, list the network in the service's \`addresses\`.`,
    target: targetOf(hop),
    sent: false,
  });
