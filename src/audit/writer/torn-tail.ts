import { createHash } from "node:crypto";
import fs from "node:fs";
import { systemCode } from "../file-system.js";
import { TORN_SUFFIX } from "../verify/places.js";

/** What a crash left behind the last whole line of a segment. */
interface TornTail {
  readonly torn_bytes: number;
  readonly torn_hash: string;
}

/**
 * Moves half a line from the end of a segment into a file beside it, so that nothing is lost and the segment is whole. May
 * be interrupted at any point and be done again. Answers nothing where nothing was torn, now or by an earlier attempt.
 */
export function moveTornTailAside(segment: string, wholeBytes: number, tornBytes: number): TornTail | undefined {
  const aside = segment + TORN_SUFFIX;
  if (tornBytes === 0) return describe(aside);
  const file = fs.openSync(segment, "r+");
  try {
    const tail = Buffer.alloc(tornBytes);
    fs.readSync(file, tail, 0, tornBytes, wholeBytes);
    // Written whole under another name first: an earlier attempt may have left a file that is itself torn.
    fs.writeFileSync(`${aside}.part`, tail, { mode: 0o600, flush: true });
    fs.renameSync(`${aside}.part`, aside);
    fs.ftruncateSync(file, wholeBytes);
    fs.fdatasyncSync(file);
  } finally {
    fs.closeSync(file);
  }
  return describe(aside);
}

function describe(aside: string): TornTail | undefined {
  try {
    const bytes = fs.readFileSync(aside);
    return { torn_bytes: bytes.length, torn_hash: createHash("sha256").update(bytes).digest("hex") };
  } catch (error) {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
