import { createHash } from "node:crypto";

const ALGORITHMS = ["sha256", "sha384", "sha512"];

/**
 * Whether bytes are what `integrity` says (W3C Subresource Integrity, "do bytes match metadataList"): one of the digests of
 * the strongest algorithm must match, in base64 or base64url, with or without padding. Metadata that names no known
 * algorithm says nothing.
 */
export function matchesIntegrity(chunks: readonly Uint8Array[], integrity: string): boolean {
  const claims = integrity.split(/[\t\n\f\r ]+/).flatMap((item) => {
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
