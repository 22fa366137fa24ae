import { type ConfigurationProblem, isGuardError } from "../../errors/guard-error.js";
import { FetchFault, fetchBounded, type PlainFetch } from "../../transport/index.js";
import { unavailable } from "../refusals.js";

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 256 * 1024;

/** Posts to a channel's server: bounded in time and size, without redirects. Its words are not passed on. */
export async function post(
  channel: string,
  url: string,
  message: {
    readonly headers: Readonly<Record<string, string>>;
    readonly body: string;
    readonly signal: AbortSignal;
    readonly fetch: PlainFetch;
  },
): Promise<string> {
  try {
    const answer = await fetchBounded(url, { ...message, method: "POST", timeoutMs: TIMEOUT_MS, maxBytes: MAX_ANSWER });
    if (answer.status < 200 || answer.status > 299) throw unavailable(`${channel} answered ${answer.status}`);
    return Buffer.from(answer.bytes).toString("utf8");
  } catch (error) {
    if (isGuardError(error)) throw error;
    throw unavailable(`${channel} could not be reached (${error instanceof FetchFault ? error.reason : "failed"})`);
  }
}

/** What is wrong with the URL of a channel's server: secrets are sent there. */
export function urlProblem(pointer: string, url: unknown, allowInsecure: boolean): ConfigurationProblem[] {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : null;
  if (parsed === null) return [{ pointer, message: "must be a URL" }];
  if (parsed.username !== "" || parsed.password !== "") return [{ pointer, message: "must not hold a password" }];
  return parsed.protocol === "https:" || (allowInsecure && parsed.protocol === "http:")
    ? []
    : [{ pointer, message: "must be https" }];
}

/** What should be a function, and is something else. */
export const functionProblems = (options: object, names: readonly string[]): ConfigurationProblem[] =>
  names
    .map((name) => [name, (options as Readonly<Record<string, unknown>>)[name]] as const)
    .filter(([, value]) => value !== undefined && typeof value !== "function")
    .map(([name]) => ({ pointer: `/${name}`, message: "must be a function" }));

/** Options that do not exist. */
export const unknownKeys = (options: object, known: readonly string[]): ConfigurationProblem[] =>
  Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) => ({ pointer: `/${key}`, message: "unknown option" }));
