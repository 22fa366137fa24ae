import type { Scheme } from "../request/host.js";
import { type CanonicalUrl, canonicalUrl } from "../request/url.js";
import { isOfOneOwner, isPublicSuffix } from "./public-suffix.js";

/** What one entry of a service's `origins` means; a wildcard stands for every name below its host. */
export type OriginPattern =
  | { readonly kind: "exact" | "wildcard"; readonly scheme: Scheme; readonly host: string; readonly port: number }
  | { readonly kind: "public-web" };

const WILDCARD = /^(https?):\/\/\*\.([^/?#*:]+)(?::([0-9]+))?$/;

/** Parses an origin entry, or says what is wrong with it. */
export function parseOriginPattern(text: string): OriginPattern | { readonly problem: string } {
  if (text === "public-web") return { kind: "public-web" };
  if (text === "*" || /^https?:\/\/\*(?::|$|\/)/.test(text)) {
    return { problem: 'is a wildcard for every host; name the hosts, or use "public-web" for the public internet' };
  }
  const wildcard = WILDCARD.exec(text);
  if (wildcard === null && text.includes("*"))
    return { problem: "has a wildcard that is not the whole first label, as in https://*.saas.example" };
  const plain = wildcard === null ? text : text.replace("*.", "");
  const canonical = canonicalUrl(plain);
  if (!canonical.ok) return { problem: `is not an origin: ${canonical.reason}` };
  if (canonical.path !== "/" || canonical.search !== "" || plain.endsWith("/") || plain.includes("#")) {
    return { problem: `must be scheme and host only; write "${canonical.origin}"` };
  }
  if (canonical.origin !== plain)
    return {
      problem: `is not in normal form; write "${wildcard === null ? canonical.origin : canonical.origin.replace("://", "://*.")}"`,
    };
  const { scheme, host, port } = canonical;
  if (wildcard === null) return { kind: "exact", scheme, host, port };
  if (canonical.address !== null) return { problem: "has a wildcard in front of an address" };
  if (!host.includes(".")) return { problem: "is a wildcard for a whole top-level domain" };
  if (isPublicSuffix(host)) return { problem: "is a wildcard for names that anybody can register (a public suffix)" };
  return { kind: "wildcard", scheme, host, port };
}

/**
 * Finds the service of an origin without looking at the others: exact names first, then the longest wildcard, then the web.
 * By host, because the text of an origin would have to be put together for each request.
 */
export class OriginIndex<Service> {
  readonly #exact = new Map<string, Place<Service>[]>();
  readonly #wildcard = new Map<string, Place<Service>[]>();
  #web: Service | undefined;

  /** Adds an entry; false when another service already has exactly this one. */
  add(pattern: OriginPattern, service: Service): boolean {
    if (pattern.kind === "public-web") {
      if (this.#web !== undefined) return false;
      this.#web = service;
      return true;
    }
    const { scheme, host, port } = pattern;
    const map = pattern.kind === "exact" ? this.#exact : this.#wildcard;
    const places = map.get(host) ?? [];
    if (serviceAt(places, pattern) !== undefined) return false;
    map.set(host, [...places, { scheme, port, service }]);
    return true;
  }

  find(url: CanonicalUrl): Service | undefined {
    return serviceAt(this.#exact.get(url.host), url) ?? this.#findWildcard(url) ?? this.#findWeb(url);
  }

  #findWildcard(url: CanonicalUrl): Service | undefined {
    if (this.#wildcard.size === 0 || url.address !== null) return undefined;
    for (let dot = url.host.indexOf("."); dot !== -1; dot = url.host.indexOf(".", dot + 1)) {
      const parent = url.host.slice(dot + 1);
      const found = serviceAt(this.#wildcard.get(parent), url);
      if (found !== undefined) return isOfOneOwner(url.host, parent) ? found : undefined;
    }
    return undefined;
  }

  #findWeb(url: CanonicalUrl): Service | undefined {
    if (this.#web === undefined || (url.port !== 80 && url.port !== 443)) return undefined;
    if (url.address !== null) return this.#web;
    // `app.localhost` is this machine by its name (RFC 6761 section 6.3), whatever resolves it.
    return url.host.includes(".") && !url.host.endsWith(".localhost") ? this.#web : undefined;
  }
}

interface Place<Service> {
  readonly scheme: string;
  readonly port: number;
  readonly service: Service;
}

function serviceAt<Service>(
  places: readonly Place<Service>[] | undefined,
  { scheme, port }: Pick<CanonicalUrl, "scheme" | "port">,
): Service | undefined {
  for (const place of places ?? []) if (place.port === port && place.scheme === scheme) return place.service;
  return undefined;
}
