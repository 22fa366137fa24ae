import { findGuardError } from "../errors/find-guard-error.js";
import { isGuardError } from "../errors/guard-error.js";
import type { TestGuard } from "./test-guard.js";

/** What a matcher returns, to vitest and to Jest. */
export interface MatcherResult {
  readonly pass: boolean;
  message(): string;
}

/** The matchers by name, for the types of `expect`: `interface Matchers<T> extends GuardMatchers<T> {}`. */
export interface GuardMatchers<Result = unknown> {
  /** Of a test guard, that a request was refused; of an error or a response, that it is a refusal. With this code, if given. */
  toHaveBeenDenied(code?: string): Result;
  /** Of a test guard: that a request with this method and URL was sent. */
  toHaveSent(method: string, url: string): Result;
  /** Of a test guard: that people were asked so often; once by default. */
  toHaveAsked(times?: number): Result;
}

const result = (pass: boolean, what: string, found: string): MatcherResult => ({
  pass,
  message: () =>
    `expected ${pass ? "no" : ""} ${what}; there was: ${found === "" ? "nothing" : found}`.replace("  ", " "),
});

/** Matchers for `expect.extend`, of vitest and of Jest. */
export const guardMatchers: Readonly<{
  toHaveBeenDenied(received: unknown, code?: string): MatcherResult;
  toHaveSent(received: unknown, method: string, url: string): MatcherResult;
  toHaveAsked(received: unknown, times?: number): MatcherResult;
}> = Object.freeze({
  toHaveBeenDenied(received: unknown, code?: string) {
    const codes = codesIn(received);
    const pass = code === undefined ? codes.length > 0 : codes.includes(code);
    return result(pass, `refusal${code === undefined ? "" : ` with ${code}`}`, codes.join(", "));
  },
  toHaveSent(received: unknown, method: string, url: string) {
    const { sent } = guardOf(received);
    return result(sent.includes(`${method} ${url}`), `request ${method} ${url}`, sent.join(", "));
  },
  toHaveAsked(received: unknown, times = 1) {
    const { questions } = guardOf(received);
    const asked = questions.map(({ http }) => `${http.method} ${http.origin}${http.path}`);
    return result(asked.length === times, `${times} question(s) to people`, asked.join(", "));
  },
});

/** Codes of the refusals that something is, holds or has recorded. */
function codesIn(received: unknown): readonly string[] {
  if (received instanceof Response) {
    const code = received.headers.get("x-sallyport-code");
    return code === null ? [] : [code];
  }
  const refusal = isGuardError(received) ? received : findGuardError(received);
  if (refusal !== undefined) return [refusal.code];
  if (typeof received === "object" && received !== null && "recordedEvents" in received)
    return guardOf(received)
      .recordedEvents()
      .flatMap(({ type, decision }) => {
        const { code } = (decision ?? {}) as { readonly code?: string };
        return type === "request.denied" && code !== undefined ? [code] : [];
      });
  return [];
}

function guardOf(received: unknown): TestGuard {
  if (typeof received === "object" && received !== null && "recordedEvents" in received) return received as TestGuard;
  throw new TypeError("this matcher is for a guard of createTestGuard");
}
