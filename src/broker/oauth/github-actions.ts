import { flag, object, readOptions, type Shape, text, whole } from "../../shapes/index.js";
import { createCheckedFetch, FetchFault, fetchBounded } from "../../transport/index.js";
import { CredentialError } from "../credential-error.js";
import { jsonObject } from "./response.js";

/** Whom the workflow's token is for. */
export interface GithubActionsTokenOptions {
  /** Default: GitHub's own, the URL of the repository's owner. */
  readonly audience?: string;
  /** For the one request. Milliseconds. Default 10,000. */
  readonly timeoutMs?: number;
  /** Allows `http:` on loopback addresses. For tests and demonstrations only. Default false. */
  readonly allowInsecure?: boolean;
}

const MAX_ANSWER_BYTES = 64 * 1024;

/**
 * The identity of a GitHub Actions workflow, as a source of subject tokens: asks the runner's OIDC endpoint each time it is
 * read. The job needs `permissions: id-token: write`.
 *
 * @see https://docs.github.com/en/actions/reference/security/oidc
 */
export function githubActionsToken(options: GithubActionsTokenOptions = {}): () => Promise<string> {
  const { audience, timeoutMs = 10_000, allowInsecure = false } = readOptions(options, OPTIONS);
  const checked = createCheckedFetch({ allowInsecure });
  return async () => {
    const { ACTIONS_ID_TOKEN_REQUEST_URL: place = "", ACTIONS_ID_TOKEN_REQUEST_TOKEN: token = "" } = process.env;
    const url = endpoint(place, allowInsecure);
    if (url === undefined || token === "") throw unavailable("this is not a workflow with `id-token: write`");
    if (audience !== undefined) url.searchParams.set("audience", audience);
    try {
      const answer = await fetchBounded(url.href, {
        headers: { authorization: `Bearer ${token}`, accept: "application/json" },
        signal: new AbortController().signal,
        timeoutMs,
        maxBytes: MAX_ANSWER_BYTES,
        fetch: checked.fetch,
      });
      const value = answer.status === 200 ? jsonObject(answer.bytes)?.["value"] : undefined;
      if (typeof value !== "string" || value === "") throw unavailable(`the endpoint answered ${answer.status}`);
      return value;
    } catch (error) {
      throw error instanceof FetchFault ? unavailable(error.message) : error;
    }
  };
}

/** The environment is the runner's, and still: the token for the endpoint goes nowhere in the clear. */
function endpoint(place: string, allowInsecure: boolean): URL | undefined {
  if (!URL.canParse(place)) return undefined;
  const url = new URL(place);
  const loopback = ["127.0.0.1", "[::1]", "localhost"].includes(url.hostname);
  return url.protocol === "https:" || (allowInsecure && loopback && url.protocol === "http:") ? url : undefined;
}

const unavailable = (why: string): CredentialError =>
  new CredentialError("unreachable", { message: `There is no token of GitHub Actions: ${why}.` });

const OPTIONS: Shape<GithubActionsTokenOptions> = object<GithubActionsTokenOptions>({
  audience: text("must be a name"),
  timeoutMs: whole(1),
  allowInsecure: flag,
});
