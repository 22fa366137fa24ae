import type { CanonicalUrl } from "../request/url.js";
import { canonicalUrl } from "../request/url.js";

/** What one entry of a service's `origins` means. */
export type OriginPattern =
  | { readonly kind: "exact"; readonly origin: string }
  | { readonly kind: "wildcard"; readonly scheme: string; readonly suffix: string; readonly port: number }
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
  if (wildcard === null) return { kind: "exact", origin: canonical.origin };
  if (canonical.address !== null) return { problem: "has a wildcard in front of an address" };
  if (canonical.host.split(".").length < 2) return { problem: "is a wildcard for a whole top-level domain" };
  return { kind: "wildcard", scheme: canonical.scheme, suffix: canonical.host, port: canonical.port };
}

/** Finds the service of an origin without looking at the others: exact names first, then the longest wildcard, then the web. */
export class OriginIndex<Service> {
  readonly #exact = new Map<string, Service>();
  readonly #wildcard = new Map<string, Service>();
  #web: Service | undefined;

  /** Adds an entry; false when another service already has exactly this one. */
  add(pattern: OriginPattern, service: Service): boolean {
    if (pattern.kind === "public-web") {
      if (this.#web !== undefined) return false;
      this.#web = service;
      return true;
    }
    const [map, key] =
      pattern.kind === "exact"
        ? [this.#exact, pattern.origin]
        : [this.#wildcard, wildcardKey(pattern.scheme, pattern.suffix, pattern.port)];
    if (map.has(key)) return false;
    map.set(key, service);
    return true;
  }

  find(url: CanonicalUrl): Service | undefined {
    return this.#exact.get(url.origin) ?? this.#findWildcard(url) ?? this.#findWeb(url);
  }

  #findWildcard(url: CanonicalUrl): Service | undefined {
    if (this.#wildcard.size === 0 || url.address !== null) return undefined;
    for (let dot = url.host.indexOf("."); dot !== -1; dot = url.host.indexOf(".", dot + 1)) {
      const found = this.#wildcard.get(wildcardKey(url.scheme, url.host.slice(dot + 1), url.port));
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #findWeb(url: CanonicalUrl): Service | undefined {
    if (this.#web === undefined || (url.port !== 80 && url.port !== 443)) return undefined;
    return url.address !== null || url.host.includes(".") ? this.#web : undefined;
  }
}

const wildcardKey = (scheme: string, suffix: string, port: number): string => `${scheme}://*.${suffix}:${port}`;
