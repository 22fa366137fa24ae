import { decodeEscapes } from "../../request/escapes.js";

/**
 * What a parameter of an allow stands for at all. Not `;x`, which is empty to servers that cut parameters off, and not a
 * `{placeholder}` that a client has forgotten to fill in.
 */
export const isValue = (segment: string): boolean =>
  segment !== "" && !segment.startsWith(";") && !(segment.startsWith("%") && NO_VALUE.test(segment));

const NO_VALUE = /^(?:%3B|%7B[A-Za-z_][A-Za-z0-9_]*%7D$)/;

/** Letters, digits, `-` and `.`, and `_` inside, as almost all ids are. */
const PLAIN = /^[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9_-])?$/;

/**
 * What it stands for unless its type is `any`: the name of one thing. Services read other values as many things, or as something
 * to do: `*` and `a,b` (Elasticsearch, Kubernetes), `_all`, `_search`, `$batch` and `$count` (Elasticsearch, OData), `42:cancel`
 * (Google), `-` for every collection (Google), `<logs-{now}>` for a name that is computed (Elasticsearch), `delta()` (OData).
 */
export function isPlainValue(segment: string): boolean {
  if (PLAIN.test(segment)) return true;
  if (!isValue(segment)) return false;
  const decoded = decodeEscapes(segment);
  return decoded !== null && !SPECIAL.test(withoutParameters(decoded).normalize("NFKC"));
}

const SPECIAL = /[*,]|^[_$<]|^-$|:[A-Za-z]+$|[^:]:$|^[A-Za-z][A-Za-z0-9_.]*\([^()]*\)$/;

/** Without matrix parameters, and what is invisible or dropped at the end of a name. */
const withoutParameters = (text: string): string =>
  text
    .replace(/;.*$/s, "")
    .replace(/\p{Default_Ignorable_Code_Point}/gu, "")
    .trim()
    .replace(/[. ]{1,64}$/, "");
