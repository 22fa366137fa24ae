import { parseVerifierKey } from "../audit/note.js";
import { readNamedText } from "./io.js";

/** The keys that `--key` means: a key line itself, or the lines of a file. */
export async function keyLines(given: string): Promise<readonly string[]> {
  if (parseVerifierKey(given) !== undefined) return [given];
  const content = readNamedText(given);
  const lines = content.slice(0, 65_536).split("\n");
  return [lines[0] ?? "", ...lines.slice(1).filter((line) => line.trim() !== "")];
}
