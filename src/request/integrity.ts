import { createHash } from "node:crypto";

const ALGORITHMS = ["sha256", "sha384", "sha512"];

/** Nobody has more digests of one thing; more would be guesses. */
const MOST_CLAIMS = 16;
const LONGEST = 4096;

/** What integrity metadata says, item by item. */
const itemsOf = (integrity: string): readonly string[] => integrity.split(/[\t\n\f\r ]+/).filter((item) => item !== "");

/** Whether integrity metadata has more claims, or longer ones, than a digest of one thing needs. */
export const isIntegrityTooLong = (integrity: string): boolean =>
  integrity.length > LONGEST || itemsOf(integrity).length > MOST_CLAIMS;

/**
 * Whether bytes are what `integrity` says (W3C Subresource Integrity, "do bytes match metadataList"): one of the digests of
 * the strongest algorithm must match, in base64 or base64url, with or without padding. Metadata that names no known
 * algorithm says nothing.
 */
export function matchesIntegrity(chunks: readonly Uint8Array[], integrity: string): boolean {
  const claims = itemsOf(integrity).flatMap((item) => {
    const [expression = ""] = item.split("?", 1);
    const strength = ALGORITHMS.indexOf(expression.slice(0, 6).toLowerCase());
    return strength === -1 ? [] : [{ strength, digest: plain(expression.slice(7)) }];
  });
  if (claims.length === 0) return true;
  const strongest = Math.max(...claims.map(({ strength }) => strength));
  const hash = createHash(ALGORITHMS[strongest] as string);
  for (const chunk of chunks) hash.update(chunk);
  const actual = plain(hash.digest("base64"));
  return claims.some(({ strength, digest }) => strength === strongest && digest === actual);
}

const plain = (base64: string): string =>
  base64
    .replace(/={1,2}$/, "")
    .replaceAll("-", "+")
    .replaceAll("_", "/");
