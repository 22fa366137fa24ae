import type { SessionState } from "../guard-parts.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { filteredTags, isCondition, mayBeDigest, opaqueTag } from "../request/entity-tags.js";
import { headerValues } from "../request/headers.js";
import { withoutFields } from "../request/pieces.js";
import type { HeaderPairs } from "../transport/index.js";

/** How many entity tags a session can use again; the oldest are forgotten, and a request then gets the whole response. */
const MOST_TAGS = 512;

/** By session: the entity tags of bodies that the caller got unchanged, and where from. */
const delivered = new WeakMap<SessionState, Set<string>>();

const entryOf = ({ url }: CanonicalRequest, tag: string): string => `${url}\n${opaqueTag(tag)}`;

/** Notes the entity tag of a body that the caller got as the service sent it. */
export function noteEntityTag(session: SessionState, request: CanonicalRequest, visible: HeaderPairs): void {
  const [tag] = headerValues(visible, "etag");
  if (tag === undefined) return;
  const known = delivered.get(session) ?? new Set();
  delivered.set(session, known);
  known.add(entryOf(request, tag));
  if (known.size > MOST_TAGS) known.delete(known.values().next().value as string);
}

/**
 * A read without conditions on bodies that the caller has not seen. Many services make entity tags of a digest of the body: who
 * sends the digest of a guess learns from a 304 or a 412 whether it was right, thousands of guesses at a time. What was left out
 * costs nothing but the saving. Writes keep theirs: without them, somebody else's change would be lost.
 */
export function withoutGuesses(session: SessionState, request: CanonicalRequest): CanonicalRequest {
  if (request.method !== "GET" && request.method !== "HEAD") return request;
  if (!request.headers.some(([name]) => isCondition(name))) return request;
  const known = delivered.get(session);
  const isSeen = (tag: string): boolean => !mayBeDigest(tag) || known?.has(entryOf(request, tag)) === true;
  const conditions = new Map(
    request.headers
      .filter(([name]) => name !== "if" && isCondition(name))
      .map((field) => [field, filteredTags(field[1], isSeen)]),
  );
  const headers = request.headers.map((field) => [field[0], conditions.get(field) ?? field[1]] as const);
  const isGuess = (field: readonly [string, string], index: number): boolean =>
    conditions.get(request.headers[index] as typeof field) === null || (field[0] === "if" && field[1].includes("["));
  return withoutFields({ ...request, headers }, isGuess);
}
