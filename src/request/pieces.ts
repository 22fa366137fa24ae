import type { CanonicalRequest } from "./canonical.js";

/**
 * Whether a header field asks for a piece of a response: `range` (RFC 9110 section 14.2), `if-range`, what vendors call theirs
 * (`x-ms-range`, `request-range`, …), and `a-im`, by which a server may send a range or a difference (RFC 3229). Not those that
 * say where a piece of the *request* belongs (`content-range`), or which piece of an object a write copies.
 */
export const asksForPiece = (name: string): boolean =>
  name === "a-im" || (/(?:^|[-_])ranges?(?:[-_]|$)/.test(name) && !/content|source|accept/.test(name));

/** The request without its fields that ask for a piece of the response; they are among `droppedHeaders`. */
export function withoutPieces(request: CanonicalRequest): CanonicalRequest {
  return withoutFields(request, ([name]) => asksForPiece(name));
}

/** The request without some of its header fields, whose names are then among `droppedHeaders`. */
export function withoutFields(
  request: CanonicalRequest,
  isLeftOut: (field: readonly [string, string], index: number) => boolean,
): CanonicalRequest {
  const out = request.headers.filter(isLeftOut);
  if (out.length === 0) return request;
  const names = [...request.droppedHeaders, ...out.map(([name]) => name)];
  return {
    ...request,
    headers: request.headers.filter((field) => !out.includes(field)),
    droppedHeaders: [...new Set(names)],
  };
}
