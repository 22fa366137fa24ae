import { isGuardError } from "../../errors/guard-error.js";
import { type Place, type Shape, text } from "../../shapes/index.js";
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

/** The URL of a channel's server: secrets are sent there. */
export const serverUrl: Shape<string> = text("must be a URL", (given) => {
  const parsed = URL.canParse(given) ? new URL(given) : null;
  if (parsed === null) return "must be a URL";
  if (parsed.username !== "" || parsed.password !== "") return "must not hold a password";
  return /^https?:$/.test(parsed.protocol) ? undefined : "must be https";
});

/** Notes a URL without TLS where the options do not allow that. */
export function checkSecure(url: string | undefined, allowInsecure: boolean | undefined, place: Place): void {
  if (url !== undefined && allowInsecure !== true && !url.toLowerCase().startsWith("https:"))
    place.report("must be https");
}
