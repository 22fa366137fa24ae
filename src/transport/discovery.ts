import { type JsonValue, readStrictJson } from "../request/body/json.js";
import { type BoundedAnswer, FetchFault, fetchBounded, type PlainFetch } from "./bounded-fetch.js";

/** Where an issuer's metadata may point, and how. */
export interface IssuerRules {
  /** The issuer identifier, exactly as its metadata and tokens spell it. */
  readonly issuer: string;
  /** Further origins that its endpoints may live on. Default: only the issuer's own. */
  readonly endpointOrigins?: readonly string[];
  /** Allows `http:` on loopback addresses. For tests and demonstrations only. Default false. */
  readonly allowInsecure?: boolean;
  /** Milliseconds for one fetch of metadata or keys. Default 5,000. */
  readonly timeoutMs?: number;
  /** Where its names may resolve (CIDR), and nowhere else. Default: public addresses. */
  readonly addresses?: readonly string[];
}

/** An issuer's metadata (RFC 8414, OpenID Connect Discovery): read once, `issuer` compared. */
export interface IssuerMetadata {
  readonly issuer: string;
  readonly [key: string]: JsonValue | undefined;
}

/** `refused`: asking again changes nothing. `unavailable`: a fault of the moment. Messages carry no secret. */
export class IssuerFault extends Error {
  override readonly name: string = "IssuerFault";
  readonly kind: "refused" | "unavailable";
  constructor(kind: "refused" | "unavailable", message: string) {
    super(message);
    this.kind = kind;
  }
}

/** Rules, and what fetches by them. */
export interface IssuerAccess extends IssuerRules {
  readonly fetch: PlainFetch;
}

const MAX_DOCUMENT_BYTES = 512 * 1024;
const DEFAULT_TIMEOUT_MS = 5_000;

/** True for hosts that never leave the machine. */
const isLoopback = (hostname: string): boolean =>
  hostname === "localhost" || hostname === "[::1]" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(hostname);

/** Why `value` cannot be an issuer identifier (RFC 8414 §2), or undefined. */
export function issuerProblem(value: unknown, allowInsecure: boolean): string | undefined {
  if (typeof value !== "string" || value.length > 2048) return "must be an https URL";
  const problem = urlProblem(value, allowInsecure);
  if (problem !== undefined) return problem;
  if (value.includes("?")) return "must have no query";
  // OpenID Connect clients accept both of these and then skip, or soften, the comparison with the metadata's issuer.
  if (value.includes("/.well-known/")) return "must be the issuer itself, not the URL of its metadata";
  if (/[{}]/.test(value)) return "must name one issuer, not a template";
  return undefined;
}

function urlProblem(value: string, allowInsecure: boolean): string | undefined {
  if (!URL.canParse(value)) return "must be an absolute URL";
  const url = new URL(value);
  if (url.username !== "" || url.password !== "") return "must carry no user name or password";
  if (value.includes("#")) return "must have no fragment";
  if (url.protocol === "https:") return undefined;
  if (url.protocol !== "http:") return "must be an https URL";
  if (!allowInsecure) return "must use https";
  return isLoopback(url.hostname) ? undefined : "must use https: http is for loopback addresses only";
}

/**
 * The URL of an endpoint that metadata names, or a refusal. Metadata is an answer from the network: an endpoint on
 * another origin would be sent our assertions (mix-up), and one on a link-local or private address is a request forged
 * by whoever wrote the document. Only the issuer's origin and the listed ones pass, so no address needs judging here.
 */
export function metadataEndpoint(metadata: IssuerMetadata, name: string, rules: IssuerRules): string {
  const value = metadata[name];
  if (typeof value !== "string") throw new IssuerFault("refused", `The metadata of ${rules.issuer} has no "${name}".`);
  const problem = urlProblem(value, rules.allowInsecure ?? false);
  if (problem !== undefined) throw new IssuerFault("refused", `"${name}" of ${rules.issuer} ${problem}.`);
  const { origin } = new URL(value);
  if (origin !== new URL(rules.issuer).origin && !(rules.endpointOrigins ?? []).includes(origin)) {
    throw new IssuerFault("refused", `"${name}" of ${rules.issuer} is on another origin that is not listed.`);
  }
  return value;
}

/**
 * Fetches the metadata of an issuer and compares `issuer` character by character (RFC 8414 §3.3). Tries the OpenID
 * Connect location, then, only if that answers 404, the OAuth one; any other answer is final, so that an outage is not
 * taken for an invitation to guess.
 */
export async function discoverIssuer(rules: IssuerAccess, signal: AbortSignal): Promise<IssuerMetadata> {
  const { origin, pathname } = new URL(rules.issuer);
  const path = pathname.replace(/\/$/, "");
  const places = [
    `${origin}${path}/.well-known/openid-configuration`,
    `${origin}/.well-known/oauth-authorization-server${path}`,
  ];
  for (const place of places) {
    const document = await fetchDocument(place, rules, signal);
    if (document === undefined) continue;
    if (document["issuer"] !== rules.issuer) {
      throw new IssuerFault("refused", `The metadata at ${place} names another issuer than ${rules.issuer}.`);
    }
    return document as IssuerMetadata;
  }
  throw new IssuerFault("unavailable", `${rules.issuer} publishes no metadata.`);
}

/** The key set of an issuer (RFC 7517), as strict JSON. */
export async function fetchKeySet(
  metadata: IssuerMetadata,
  rules: IssuerAccess,
  signal: AbortSignal,
): Promise<Readonly<Record<string, JsonValue>>> {
  const place = metadataEndpoint(metadata, "jwks_uri", rules);
  // The issuer wrote where its keys are: that is asked for, and told to nobody.
  const name = `The key set of ${rules.issuer}`;
  const document = await fetchDocument(place, rules, signal, name);
  if (document === undefined) throw new IssuerFault("unavailable", `${name} answered 404.`);
  return document;
}

async function fetchDocument(
  place: string,
  rules: IssuerAccess,
  signal: AbortSignal,
  name: string = place,
): Promise<Readonly<Record<string, JsonValue>> | undefined> {
  let answer: BoundedAnswer;
  try {
    answer = await fetchBounded(place, {
      signal,
      headers: { accept: "application/json" },
      timeoutMs: rules.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      maxBytes: MAX_DOCUMENT_BYTES,
      fetch: rules.fetch,
    });
  } catch (error) {
    signal.throwIfAborted();
    const refused = error instanceof FetchFault && error.reason === "address";
    throw new IssuerFault(
      refused ? "refused" : "unavailable",
      `${name}: ${error instanceof FetchFault ? error.message : "failed"}.`,
    );
  }
  if (answer.status === 404) return undefined;
  if (answer.status !== 200) throw new IssuerFault("unavailable", `${name} answered ${answer.status}.`);
  const read = readStrictJson(answer.bytes);
  if (!read.ok || typeof read.value !== "object" || read.value === null || Array.isArray(read.value)) {
    throw new IssuerFault("unavailable", `${name} did not answer with one JSON object.`);
  }
  return read.value as Readonly<Record<string, JsonValue>>;
}
