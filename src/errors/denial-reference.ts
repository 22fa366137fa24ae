import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { ERROR_CODES, type ErrorCode } from "./codes.js";
import { errorOf } from "./error-of-code.js";
import type { GuardError } from "./guard-error.js";

/**
 * A denial that became a response has to be known again in whatever a client library made of it: a header, a parsed body,
 * or a sentence with the body in it. So it carries a reference that only this process can write; a service that answers
 * with a problem document of ours, copied from somewhere, is not believed.
 */
const KEY = randomBytes(32);
const SAFE_ID = /^[\w-]{1,128}$/;
const REFERENCE = /urn:sallyport:denial:([A-Z_]{1,40}):([\w-]{0,128}):([\w-]{43})/;

const signature = (code: string, approvalId: string): string =>
  createHmac("sha256", KEY).update(`${code}:${approvalId}`).digest("base64url");

/** What names this denial in a response: the `instance` of its problem document (RFC 9457 section 3.1.5). */
export function denialReference({ code, approvalId = "" }: GuardError): string {
  const id = SAFE_ID.test(approvalId) ? approvalId : "";
  return `urn:sallyport:denial:${code}:${id}:${signature(code, id)}`;
}

/** The denial that a text refers to, made anew from its code and approval; undefined unless this process wrote the reference. */
export function readDenialReference(text: string): GuardError | undefined {
  const [, code = "", approvalId = "", given = ""] = REFERENCE.exec(text) ?? [];
  if (!Object.hasOwn(ERROR_CODES, code)) return undefined;
  if (!timingSafeEqual(Buffer.from(given), Buffer.from(signature(code, approvalId)))) return undefined;
  return errorOf(code as ErrorCode, approvalId === "" ? {} : { approvalId });
}
