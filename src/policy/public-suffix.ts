import { library } from "./libraries.js";

/**
 * The part of a host below which strangers register names (`co.uk`, `github.io`), by the Public Suffix List, its ICANN and
 * private sections, as of the installed version of `tldts`. Expects a host in normal form that is no address.
 */
function publicSuffixOf(host: string): string {
  return library("tldts").getPublicSuffix(host, OPTIONS) ?? host;
}

const OPTIONS = { allowPrivateDomains: true, extractHostname: false } as const;

/** Whether a host is a public suffix, or the parent of nothing else (`kobe.jp`, by the rule `*.kobe.jp`). */
export const isPublicSuffix = (host: string): boolean =>
  publicSuffixOf(host) === host || !isOfOneOwner(`a-name-nobody-lists.${host}`, host);

/**
 * Whether a name below `parent` belongs to the owner of `parent`: no public suffix lies between the two. Whoever owns
 * `amazonaws.com` does not own `strangers-bucket.s3.amazonaws.com`.
 */
export const isOfOneOwner = (name: string, parent: string): boolean => publicSuffixOf(name).length < parent.length;
