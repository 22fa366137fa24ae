import { matchesIntegrity } from "../request/integrity.js";
import type { BodySource } from "./transport.js";

/** What is held back until it is known to be right. Code and data with a digest are small; more than this is refused. */
const MOST_BYTES = 64 * 1024 * 1024;

/** The same body, once all of it has arrived and matches `integrity`; null where it does not, or is too large to be held back. */
export async function matchingBody(source: BodySource, integrity: string): Promise<BodySource | null> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let chunk = await source.read(); chunk !== null; chunk = await source.read()) {
    size += chunk.byteLength;
    if (size > MOST_BYTES) return null;
    chunks.push(chunk);
  }
  if (!matchesIntegrity(chunks, integrity)) return null;
  let next = 0;
  return {
    read: async () => chunks[next++] ?? null,
    cancel: () => {
      next = chunks.length;
    },
  };
}
