import { ERROR_CODES, type ErrorCode } from "../errors/codes.js";
import { DeniedError } from "../errors/guard-error.js";
import type { Decision } from "../policy/index.js";
import { targetOf } from "../request/target.js";
import type { Described, Exchange } from "./exchange.js";

/**
 * Records a denial and makes the error that the caller gets. What no fetch would ask for, whoever allowed it, is the network
 * error that it is everywhere, with the denial as its cause.
 */
export function refused(exchange: Exchange, request: Described, decision: Decision): Error {
  const denial = exchange.denied(request, decision, refusal(exchange, request, decision));
  return ASKED_BY_NOBODY.has(decision.code) ? new TypeError("fetch failed", { cause: denial }) : denial;
}

const ASKED_BY_NOBODY: ReadonlySet<string> = new Set<ErrorCode>(["SCHEME_REFUSED", "URL_USERINFO"]);

/** The error alone, for a denial that is recorded elsewhere. */
export function refusal(exchange: Exchange, request: Described, decision: Decision): DeniedError {
  const code = decision.code as ErrorCode;
  const redirected = exchange.isRedirected;
  return new DeniedError(redirected ? "REDIRECT_REFUSED" : code, {
    message: `${decision.rule === undefined ? capital(decision.reason) : `Rule "${decision.rule}": ${decision.reason}`}. ${ERROR_CODES[code].remedy}`,
    modelReason: redirected ? `the service redirected, and there ${decision.reason}` : decision.reason,
    ...(request.ok ? { target: targetOf(request) } : {}),
    ...(decision.rule === undefined ? {} : { rule: decision.rule }),
  });
}

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
