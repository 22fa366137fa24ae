import { isPem } from "../tls-options.js";
import type { Report } from "../transport-options.js";

/** An HTTP proxy that connections are opened through. Nothing of it is read from the environment. */
export interface ProxyOptions {
  /** `http://proxy.example:3128`, or `https:` where the proxy itself speaks TLS. No user name or password in it. */
  readonly url: string;
  /** What the proxy is shown (Basic, RFC 7617). Kept in no error, record or readable object. */
  readonly credentials?: { readonly username: string; readonly password: string };
  /**
   * Who turns names into addresses. `guard` (default): here, every answer is checked, and the proxy is asked for the checked
   * address. `proxy`: the proxy is asked for the name, and **nobody checks where it leads**.
   */
  readonly resolve?: "guard" | "proxy";
  /** PEM certificates of authorities that may vouch for an `https:` proxy, besides the public ones. */
  readonly ca?: string | readonly string[];
}

/** A proxy, ready to be asked. What it is shown is reached by a call, so that no inspection finds it. */
export interface HttpProxy {
  readonly protocol: "http:" | "https:";
  /** Without brackets. */
  readonly hostname: string;
  readonly port: number;
  readonly resolve: "guard" | "proxy";
  readonly ca: readonly string[];
  authorization(): string | undefined;
}

const KNOWN: ReadonlySet<string> = new Set(["url", "credentials", "resolve", "ca"]);

/** Makes one, or reports what is wrong: by place and kind, never with a value. */
export function proxyOf(options: Readonly<Record<string, unknown>>, pointer: string, report: Report): HttpProxy | null {
  for (const name of Object.keys(options)) if (!KNOWN.has(name)) report(`${pointer}/${name}`, "is not a known option");
  const { url, credentials, resolve = "guard", ca = [] } = options;
  if (resolve !== "guard" && resolve !== "proxy") report(`${pointer}/resolve`, 'must be "guard" or "proxy"');
  if (![ca].flat().every(isPem)) report(`${pointer}/ca`, "must be PEM certificates");
  const authorization = authorizationOf(credentials, `${pointer}/credentials`, report);
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : null;
  const isOrigin = parsed !== null && parsed.pathname === "/" && parsed.search === "" && parsed.hash === "";
  if (!isOrigin || !/^https?:$/.test(parsed.protocol))
    report(`${pointer}/url`, 'must be an origin such as "http://proxy.example:3128"');
  else if (parsed.username !== "" || parsed.password !== "")
    report(`${pointer}/url`, "must have no user name or password: they go into `credentials`");
  if (parsed === null) return null;
  const protocol = parsed.protocol as HttpProxy["protocol"];
  return Object.freeze({
    protocol,
    hostname: parsed.hostname.replace(/^\[|\]$/g, ""),
    port: parsed.port === "" ? (protocol === "https:" ? 443 : 80) : Number(parsed.port),
    resolve: resolve as HttpProxy["resolve"],
    ca: [ca].flat() as string[],
    authorization: () => authorization,
  });
}

function authorizationOf(credentials: unknown, pointer: string, report: Report): string | undefined {
  if (credentials === undefined) return undefined;
  const { username, password, ...unknown } = (credentials ?? {}) as Readonly<Record<string, unknown>>;
  // RFC 7617 section 2: a colon ends the user name, and neither may hold control characters.
  const isUsable = (text: unknown): text is string => typeof text === "string" && !/\p{Cc}/u.test(text);
  if (isUsable(username) && !username.includes(":") && isUsable(password) && Object.keys(unknown).length === 0)
    return `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;
  report(pointer, "must be a `username` without a colon and a `password`, both texts");
  return undefined;
}
