type Pairs = readonly (readonly [string, string])[];

/** What a call says about how it is fetched, beyond what is sent. */
export interface FetchSettings {
  readonly mode: string;
  readonly cache: string;
  /** The length that the caller says a streamed body has; the transport holds it to that. Null sends it chunked. */
  readonly streamLength: string | null;
}

export const USUAL_SETTINGS: FetchSettings = { mode: "cors", cache: "default", streamLength: null };

/** Header fields of a conditional request (RFC 9110 section 13.1): fetch then wants no cache in between. */
const CONDITIONAL = new Set(["if-modified-since", "if-none-match", "if-unmodified-since", "if-match", "if-range"]);

/**
 * What fetch adds to the caller's header fields (Fetch, "HTTP-network-or-cache fetch"), each only where the caller has not
 * said it, and the `codings` that the guard can undo. All of it is fixed text: nothing of the caller's gets past the judge by
 * this way.
 */
export function addDefaultHeaders(
  headers: (readonly [string, string])[],
  given: Pairs,
  { mode, cache }: FetchSettings,
  codings: string,
): void {
  let accept = false;
  let language = false;
  let fetchMode = false;
  let agent = false;
  let control = false;
  let pragma = false;
  let range = false;
  let conditional = false;
  for (const [name] of given) {
    switch (name) {
      case "accept":
        accept = true;
        break;
      case "accept-language":
        language = true;
        break;
      case "sec-fetch-mode":
        fetchMode = true;
        break;
      case "user-agent":
        agent = true;
        break;
      case "cache-control":
        control = true;
        break;
      case "pragma":
        pragma = true;
        break;
      case "range":
        range = true;
        break;
      default:
        if (CONDITIONAL.has(name)) conditional = true;
    }
  }
  if (!accept) headers.push(ACCEPT);
  if (!language) headers.push(ACCEPT_LANGUAGE);
  if (!fetchMode) headers.push(mode === "cors" ? CORS_MODE : ["sec-fetch-mode", mode]);
  if (!agent) headers.push(USER_AGENT);
  if (cache === "no-cache" && !control) headers.push(["cache-control", "max-age=0"]);
  if (cache === "no-store" || cache === "reload" || (cache === "default" && conditional)) {
    if (!pragma) headers.push(["pragma", "no-cache"]);
    if (!control) headers.push(["cache-control", "no-cache"]);
  }
  headers.push(range ? IDENTITY : ["accept-encoding", codings]);
}

const ACCEPT = ["accept", "*/*"] as const;
const ACCEPT_LANGUAGE = ["accept-language", "*"] as const;
const CORS_MODE = ["sec-fetch-mode", "cors"] as const;
const USER_AGENT = ["user-agent", "sallyport"] as const;
const IDENTITY = ["accept-encoding", "identity"] as const;

/**
 * Why fetch itself would not even try this URL, or null: it is for canonical form and policy to say what *we* refuse, and a
 * caller must be able to tell a mistake from a denial.
 */
export function unfetchable(url: string): TypeError | null {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch (cause) {
    return new TypeError(`Failed to parse URL from ${url}`, { cause });
  }
  return parsed.username !== "" || parsed.password !== ""
    ? new TypeError(`Request cannot be constructed from a URL that includes credentials: ${url}`)
    : null;
}

/** Ports of other protocols (Fetch, "bad port"): a request there is a way to speak one of them. */
export const isBadPort = (port: number): boolean => BAD_PORTS.has(port);

const BAD_PORTS: ReadonlySet<number> = new Set([
  0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102, 103, 104, 109, 110,
  111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465, 512, 513, 514, 515, 526, 530, 531, 532,
  540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061,
  6000, 6566, 6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080,
]);
