import { createHash } from "node:crypto";
import type { BodyDescription } from "./body/describe-body.js";

/** Everything an approval is bound to. All of it in canonical form: what is fingerprinted is what is sent. */
export interface FingerprintInput {
  readonly tenant?: string;
  readonly agent: string;
  /** The accountable person, spelled so that two issuers cannot mean the same person by it. */
  readonly onBehalfOf?: string;
  /** Name of the service in the policy. */
  readonly service: string;
  readonly method: string;
  readonly origin: string;
  readonly path: string;
  /**
   * The query as it is sent, with its `?`, or empty. Never its decoded pairs: servers that read the text themselves keep `%20`
   * and `+`, `?a` and `?a=`, and empty pairs apart.
   */
  readonly search: string;
  readonly body: BodyDescription;
  /** All header fields; only those of {@link semanticHeaders} count. */
  readonly headers: readonly (readonly [string, string])[];
  /** Further header names, in lower case, that change what a request to this service means. */
  readonly semanticHeaders?: readonly string[];
  /** The scopes of the credential it is to be sent with, where a person is asked about them. */
  readonly scopes?: readonly string[];
  /** Where the requests of one yes may differ: places that the description of the body has left out. */
  readonly vary?: readonly string[];
  /** Placeholders in query and body, each with a keyed digest of the value that it stands for. */
  readonly values?: readonly (readonly [placeholder: string, digest: string])[];
}

/**
 * `gf2:` and the base64url SHA-256 of a JSON array: equal for two requests exactly when a person who approved one has
 * approved the other. Left out is what a client changes from attempt to attempt and what the guard itself sets. A grant with
 * the fingerprint of an earlier version is not found: its person approved more requests than one.
 */
export function fingerprintOf(input: FingerprintInput): string {
  return `gf2:${createHash("sha256").update(fingerprintPreimage(input)).digest("base64url")}`;
}

/** What is hashed. An array of JSON values, so that no field can run into the next one. */
export function fingerprintPreimage(input: FingerprintInput): string {
  return JSON.stringify([
    "gf2",
    input.tenant ?? null,
    input.agent,
    input.onBehalfOf ?? null,
    input.service,
    input.method.toUpperCase(),
    input.origin,
    input.path,
    input.search,
    input.body.mediaType,
    input.body.kind,
    input.body.digest,
    semanticHeaders(input.headers, input.semanticHeaders),
    ...(input.scopes === undefined ? [] : [input.scopes.toSorted()]),
    // An object: what varies is never taken for scopes, nor for a request that says null there itself.
    ...(input.vary === undefined ? [] : [{ vary: input.vary }]),
    ...(input.values === undefined ? [] : [{ values: [...new Map(input.values)].sort(byText) }]),
  ]);
}

/** Where they stand is in query and body already; the order of a JSON body's members means nothing. */
const byText = ([a]: readonly [string, string], [b]: readonly [string, string]): number => (a < b ? -1 : a > b ? 1 : 0);

/** Fields that change what a request does: preconditions, ranges, codings, where to, for whom to see, and whose account. */
const SEMANTIC = new Set([
  "content-disposition",
  "content-encoding",
  "content-range",
  "depth",
  "destination",
  "if",
  "if-match",
  "if-modified-since",
  "if-none-match",
  "if-unmodified-since",
  "lock-token",
  "openai-organization",
  "openai-project",
  "overwrite",
  "prefer",
  "range",
  "slug",
  "stripe-account",
  "stripe-context",
  "x-amz-acl",
  "x-amz-bypass-governance-retention",
  "x-amz-copy-source",
  "x-amz-tagging",
  "x-amz-target",
  "x-goog-acl",
  "x-goog-copy-source",
  "x-goog-user-project",
  "x-ms-blob-public-access",
  "x-ms-copy-source",
]);

/** The header fields that an approval covers and an approver is shown: lower-case names, sorted, repeated ones in order. */
export function semanticHeaders(
  fields: readonly (readonly [string, string])[],
  further: readonly string[] = [],
): readonly (readonly [string, string])[] {
  return fields
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => SEMANTIC.has(name) || further.includes(name))
    .sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
}
