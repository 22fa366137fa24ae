/** A tag with or without its mark of weakness, or what stands for one in a list (RFC 9110 section 8.8.3). */
const TAG = /(?:W\/)?"[^"]*"|[^,\s]+/g;

/** What a tag says, without its quotes and its mark of weakness. */
export const opaqueTag = (tag: string): string => tag.replace(/^W\//, "").replace(/^"(.*)"$/, "$1");

/** Whether a tag may be a digest of the body, as services make them: the shortest are 32 bits, written in base64. */
export const mayBeDigest = (tag: string): boolean => opaqueTag(tag).length >= 6;

/** The tags of `if-match` or `if-none-match` for which `isKept` holds, as a list; null where none is left. */
export function filteredTags(value: string, isKept: (tag: string) => boolean): string | null {
  const tags = value.match(TAG) ?? [];
  const kept = tags.filter(isKept);
  if (kept.length === tags.length) return value;
  return kept.length === 0 ? null : kept.join(", ");
}

const CONDITIONS: ReadonlySet<string> = new Set(["if-match", "if-none-match"]);

/** Whether a header field sets a condition on a body (RFC 9110 section 13.1; RFC 4918 section 10.4). */
export const isCondition = (name: string): boolean => CONDITIONS.has(name) || name === "if";
