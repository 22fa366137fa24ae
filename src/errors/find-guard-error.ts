import { readDenialReference } from "./denial-reference.js";
import { type GuardError, isGuardError } from "./guard-error.js";

/** Where client libraries keep the error, or the response, that they wrapped. */
const WRAPPED = [
  "cause",
  "detail",
  "original",
  "originalError",
  "error",
  "lastError",
  "response",
  "data",
  "body",
  "raw",
] as const;
const SEVERAL = ["errors"] as const;
/** Where they keep what a response said: its headers, and its body as text. */
const HEADERS = ["headers", "responseHeaders"] as const;
const TEXTS = ["instance", "responseBody", "body", "text", "message"] as const;

const MOST_OBJECTS = 32;
const MOST_CHARACTERS = 64 * 1024;

/**
 * Digs a {@link GuardError} out of the error a client library wrapped it in: OpenAI, Anthropic, octokit and axios keep it
 * in `.cause`, Stripe in `.detail`, Slack in `.original`. Where the client was given a response (`onDeny`), the error is made
 * anew from the reference in it, with its code and approval; a response that a service wrote is never taken for one. Takes
 * results and responses, too. Looks through at most 32 objects, so that a cycle ends; never throws.
 */
export function findGuardError(error: unknown): GuardError | undefined {
  const queue: unknown[] = [error];
  for (let looked = 0; looked < queue.length && looked < MOST_OBJECTS; looked++) {
    const candidate = queue[looked];
    if (isGuardError(candidate)) return candidate;
    if (typeof candidate !== "object" || candidate === null) continue;
    const found = referredTo(candidate);
    if (found !== undefined) return found;
    for (const place of WRAPPED) queue.push(read(candidate, place));
    for (const place of SEVERAL) {
      const several = read(candidate, place);
      if (Array.isArray(several)) queue.push(...several.slice(0, 8));
    }
  }
  return undefined;
}

function referredTo(candidate: object): GuardError | undefined {
  for (const place of HEADERS) {
    const header = headerOf(read(candidate, place));
    if (header !== undefined) return header;
  }
  for (const place of TEXTS) {
    const text = read(candidate, place);
    const found = typeof text === "string" ? readDenialReference(text.slice(0, MOST_CHARACTERS)) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Headers are a `Headers`, something like one, or a record. */
function headerOf(headers: unknown): GuardError | undefined {
  if (typeof headers !== "object" || headers === null) return undefined;
  const get = read(headers, "get");
  const value =
    typeof get === "function"
      ? attempt(() => Reflect.apply(get, headers, [DENIAL_HEADER]))
      : read(headers, DENIAL_HEADER);
  return typeof value === "string" ? readDenialReference(value) : undefined;
}

/** The header of a synthetic response that says which denial it is. */
export const DENIAL_HEADER = "x-sallyport-denial";

/** An error is looked at when something has gone wrong already: a getter that throws must not hide what. */
const read = (from: object, place: string): unknown => attempt(() => (from as Record<string, unknown>)[place]);

function attempt(look: () => unknown): unknown {
  try {
    return look();
  } catch {
    return undefined;
  }
}
