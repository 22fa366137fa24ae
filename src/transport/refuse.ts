import { errorOf } from "../errors/error-of-code.js";
import type { GuardError } from "../errors/guard-error.js";
import { targetOf } from "../request/target.js";
import type { HopRequest } from "./transport.js";

type Code = "HEADER_REFUSED" | "URL_INVALID" | "GUARD_CLOSED" | "SESSION_CLOSED" | "SESSION_BUSY";

/** A refusal of the transport's own, before anything was sent. */
export const refused = (code: Code, hop: HopRequest): GuardError =>
  errorOf(code, { target: targetOf(hop), sent: false });

/** Ends a call that no connection has seen. */
export function unsent(hop: HopRequest, error: unknown): Promise<never> {
  if (hop.body instanceof ReadableStream) hop.body.cancel(error).catch(() => {});
  return Promise.reject(error);
}
