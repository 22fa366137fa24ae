import { createHmac } from "node:crypto";
import { fromUtf8 } from "./bytes.js";
import { isPlaceholder } from "./placeholders/placeholder.js";

/**
 * What becomes of a finding.
 * - `redact`: `[REDACTED:KIND]`, and of a secret also whose it is: `[REDACTED:SECRET:github_token]`.
 * - `partial`: letters and digits become `*`, but for the last four where there are eight or more; separators stay.
 * - `hash`: `[KIND:…]` with an HMAC-SHA-256 under `hashKey`, in letters: equal values stay equal, and nothing else.
 * - `tokenise`: `[[tok:KIND:…:…]]`, which the guard turns back into the value when the agent sends it. Without a vault, or
 *   where its value is too long, `redact`.
 * - `drop`: a field named by path goes with its name and comma; of a finding inside a text, the text found goes.
 */
export type Strategy = "redact" | "partial" | "hash" | "tokenise" | "drop";

/** Makes the placeholder of a value; null where there is no room for it. */
export type Mint = (kind: string, value: Uint8Array) => string | null;

export const needsWhole = (strategy: Strategy): boolean =>
  strategy === "partial" || strategy === "hash" || strategy === "tokenise";

/** What stands in place of a finding; `value` is null where not all of it is in hand, and then it is redacted. */
export function replacement(
  strategy: Strategy,
  kind: string,
  vendor: string | undefined,
  value: Uint8Array | null,
  hashKey: Uint8Array,
  mint?: Mint,
): string {
  if (strategy === "drop") return "";
  const redacted = `[REDACTED:${vendor === undefined ? kind : `${kind}:${vendor}`}]`;
  if (strategy === "redact" || value === null) return redacted;
  // A placeholder is as good as it can be made: a rule that names a field meets it again when an answer is masked twice.
  if (strategy === "tokenise")
    return isPlaceholder(fromUtf8(value)) ? fromUtf8(value) : (mint?.(kind, value) ?? redacted);
  return strategy === "partial" ? starred(fromUtf8(value)) : `[${kind}:${digest(kind, value, hashKey)}]`;
}

/** Hexadecimal with `a` to `p`: no detector takes lower-case letters alone for anything. */
function digest(kind: string, value: Uint8Array, hashKey: Uint8Array): string {
  const bytes = createHmac("sha256", hashKey).update(`${kind}\0`).update(value).digest().subarray(0, 16);
  return Array.from(bytes, (byte) => String.fromCharCode(97 + (byte >> 4), 97 + (byte & 15))).join("");
}

const CHARACTER = /[\p{L}\p{N}]/gu;

function starred(value: string): string {
  const count = value.match(CHARACTER)?.length ?? 0;
  let left = count < 8 ? count : count - 4;
  return value.replace(CHARACTER, (character) => (left-- > 0 ? "*" : character));
}
