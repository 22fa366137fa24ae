import { latin1 } from "../bytes.js";

/** How much of a line is looked at, at most. */
export const LONGEST_HEAD = 64;

/** U+FEFF in UTF-8. */
const BOM = "\u00ef\u00bb\u00bf";

/** `data` that begins like a JSON object; the `end` of a stream; `other` lines; `unknown` while too little of it is there. */
export type LineKind = "data" | "end" | "other" | "unknown";

const D = 0x64;
const OPEN = 0x7b;
const SPACE = 0x20;
const startsWithData = (bytes: Uint8Array, from: number): boolean =>
  bytes[from + 1] === 0x61 && bytes[from + 2] === 0x74 && bytes[from + 3] === 0x61 && bytes[from + 4] === 0x3a;

/** What the line is that begins at `from` and of which the bytes before `to` are there. */
export function lineKind(bytes: Uint8Array, from: number, to: number): LineKind {
  // Most lines are data that begins like this; and most others begin with another letter.
  const first = bytes[from];
  if (first !== D && first !== BOM.charCodeAt(0)) return "other";
  if (first === D && from + 6 < to && startsWithData(bytes, from)) {
    if (bytes[from + 5] === OPEN || (bytes[from + 5] === SPACE && bytes[from + 6] === OPEN)) return "data";
  }
  const line = latin1(bytes, from, Math.min(to, from + LONGEST_HEAD));
  if (line.length < BOM.length && BOM.startsWith(line)) return "unknown";
  // A byte order mark may stand before the first line; before others it is read over too, which does no harm.
  const head = line.startsWith(BOM) ? line.slice(BOM.length) : line;
  const isAllThere = to - from >= LONGEST_HEAD;
  if (!head.startsWith("data:")) return "data:".startsWith(head) && !isAllThere ? "unknown" : "other";
  const payload = head.slice(5).replace(/^[ \t]+/, "");
  if (payload.startsWith("{")) return "data";
  if (payload.startsWith("[DONE]")) return "end";
  return "[DONE]".startsWith(payload) && !isAllThere ? "unknown" : "other";
}
