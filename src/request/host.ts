import { domainToUnicode } from "node:url";
import { parseHostLiteral } from "./address.js";
import { mapGet, mapSet, mapSize } from "./captured.js";
import { type Refusal, refuse } from "./refusal.js";

/** Host and port of a URL in their one form. */
export interface CanonicalAuthority {
  readonly ok: true;
  /** Lower-case ASCII name without a trailing dot, dotted IPv4, or IPv6 in brackets. */
  readonly host: string;
  readonly port: number;
  /** The address when `host` is a literal, else null. */
  readonly address: string | null;
  /** `scheme://host[:port]`, the port only where it is not the scheme's own. */
  readonly origin: string;
}

export type Scheme = "http" | "https";

/** Lower-case labels, the last of which does not start with a digit (so it cannot be an IPv4 number), and an optional port. */
const PLAIN_AUTHORITY =
  /^((?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?)(?::([1-9][0-9]{0,4}))?$/;
const MAX_HOST = 253;
const MAX_LABEL = 63;

/** Brings `host[:port]` into canonical form, or refuses spellings that another parser could read as another host. */
export function canonicalAuthority(raw: string, scheme: Scheme): CanonicalAuthority | Refusal {
  const plain = PLAIN_AUTHORITY.exec(raw);
  const host = plain?.[1];
  // `xn--` labels take the long way: they must survive a round trip through Unicode.
  if (host !== undefined && host.length <= MAX_HOST && !host.includes("xn--")) {
    return authority(host, plain?.[2], null, scheme);
  }
  if (raw.includes("@")) return refuse("URL_USERINFO", "the URL carries credentials before the host");
  if (raw.includes("%")) return refuse("HOST_REFUSED", "the host has a percent-escape");
  const split = /^(\[[^\]]*\]|[^:]*)(?::(.*))?$/s.exec(raw);
  const rawHost = split?.[1] ?? "";
  const rawPort = split?.[2];
  if (rawHost === "") return refuse("URL_AMBIGUOUS", "the URL has no host");
  if (rawPort !== undefined && !/^[1-9][0-9]{0,4}$/.test(rawPort))
    return refuse("HOST_REFUSED", "the port is not a plain number");
  return canonicalLiteral(rawHost, rawPort, scheme);
}

/** Addresses come with every call, and take longer to read than the rest of a URL. */
const LITERAL = /^[0-9.]{7,15}$/;
const MOST_REMEMBERED = 64;
let remembered = new Map<string, CanonicalAuthority | Refusal>();

function canonicalLiteral(raw: string, port: string | undefined, scheme: Scheme): CanonicalAuthority | Refusal {
  if (!LITERAL.test(raw)) return canonicalHost(raw, port, scheme);
  const name = `${scheme} ${raw} ${port ?? ""}`;
  const known = mapGet(remembered, name);
  if (known !== undefined) return known;
  const read = canonicalHost(raw, port, scheme);
  if (mapSize(remembered) >= MOST_REMEMBERED) remembered = new Map();
  mapSet(remembered, name, read);
  return read;
}

function canonicalHost(raw: string, port: string | undefined, scheme: Scheme): CanonicalAuthority | Refusal {
  let parsed: string;
  try {
    parsed = new URL(`${scheme}://${raw}/`).hostname;
  } catch {
    return refuse("HOST_REFUSED", "the host is not valid");
  }
  const host = parsed.endsWith(".") ? parsed.slice(0, -1) : parsed;
  if (host === "" || host.endsWith(".") || host.includes("..") || host.startsWith(".") || host.length > MAX_HOST) {
    return refuse("HOST_REFUSED", "the host has an empty label or is too long");
  }
  // RFC 1035 section 2.3.4. Resolvers differ on what they make of a longer one: refused, or cut.
  if (host.split(".").some((label) => label.length > MAX_LABEL) && !host.startsWith("["))
    return refuse("HOST_REFUSED", "the host has a label of more than 63 characters");
  const address = parseHostLiteral(host);
  const written = (raw.endsWith(".") ? raw.slice(0, -1) : raw).toLowerCase();
  if (address !== null && !host.startsWith("[") && written !== host) {
    // Octal, hexadecimal, short and padded forms: libc and the URL standard disagree on the address they mean.
    return refuse("ADDRESS_REFUSED", "the IPv4 address is not written as four plain decimal numbers");
  }
  if (address === null && written !== host && written.normalize("NFC") !== domainToUnicode(host)) {
    // Full-width letters, invisible characters, other label separators: mapped away by some, kept by others.
    return refuse("HOST_REFUSED", "the host name is not in normal form");
  }
  // Platforms disagree on whether an `xn--` label that stands for no text is a name at all.
  if (
    address === null &&
    domainToUnicode(host)
      .split(".")
      .some((label) => label.startsWith("xn--"))
  )
    return refuse("HOST_REFUSED", "the host has an `xn--` label that stands for no text");
  // The URL standard lets `&`, `,`, `*` and more stand in a host; no name in the DNS has them, and whoever splits by them misreads it.
  if (address === null && !/^[a-z0-9_.-]+$/.test(host))
    return refuse("HOST_REFUSED", "the host name has punctuation in it");
  return authority(host, port, address, scheme);
}

function authority(
  host: string,
  writtenPort: string | undefined,
  address: string | null,
  scheme: Scheme,
): CanonicalAuthority | Refusal {
  const standard = scheme === "https" ? 443 : 80;
  const port = writtenPort === undefined ? standard : Number(writtenPort);
  if (port > 65_535) return refuse("HOST_REFUSED", "the port is above 65535");
  const origin = port === standard ? `${scheme}://${host}` : `${scheme}://${host}:${port}`;
  return { ok: true, host, port, address, origin };
}
