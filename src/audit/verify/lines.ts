import { Buffer } from "node:buffer";
import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { MAX_LINE_BYTES } from "../encode.js";
import { systemCode } from "../file-system.js";

/** How reading a file of lines ended. */
export type ReadEnd =
  | { readonly kind: "end"; readonly bytes: number; readonly tornBytes: number }
  | { readonly kind: "stopped" }
  | { readonly kind: "line_too_long" }
  | { readonly kind: "unreadable"; readonly code: string };

const NEWLINE = 0x0a;

/**
 * Calls `onLine` with each whole line, newline excluded, until it answers `false`. The bytes are valid during the call
 * only. Reads what the file held when it was opened, in bounded memory; anything but a regular file is unreadable (a
 * planted pipe or link to a device would never end). Rejects only with the reason of `signal`.
 */
export async function readLines(
  path: string,
  onLine: (line: Buffer) => boolean,
  signal?: AbortSignal,
): Promise<ReadEnd> {
  const batches = batchesOfLines(path, signal);
  for (;;) {
    const { done, value } = await batches.next();
    if (done === true) return value;
    if (value.every(onLine)) continue;
    await batches.return({ kind: "stopped" });
    return { kind: "stopped" };
  }
}

/** The same for who has to wait in between: whole lines, some at a time, valid until the next ones are asked for. */
export async function* batchesOfLines(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly Buffer[], ReadEnd, undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    const stat = await file.stat();
    if (!stat.isFile()) return { kind: "unreadable", code: "NOT_A_FILE" };
    return yield* readAll(file, stat.size, signal);
  } catch (error) {
    signal?.throwIfAborted();
    return { kind: "unreadable", code: systemCode(error) };
  } finally {
    await file?.close();
  }
}

/** Read at once; in front of it there is room for half a line that was left over. */
const BLOCK_BYTES = 4 * MAX_LINE_BYTES;

/** While the lines of one block are looked at, the next one is read. */
async function* readAll(
  file: FileHandle,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Buffer[], ReadEnd, undefined> {
  const block = (): Buffer => Buffer.allocUnsafe(MAX_LINE_BYTES + BLOCK_BYTES);
  const read = (into: Buffer, from: number): ReturnType<typeof file.read> => {
    const reading = file.read(into, MAX_LINE_BYTES, Math.min(BLOCK_BYTES, size - from));
    reading.catch(() => {}); // nobody waits for it where reading was given up
    return reading;
  };
  let [buffer, next] = [block(), block()];
  let reading = read(buffer, 0);
  let held = 0;
  let taken = 0;
  while (taken < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await reading;
    if (bytesRead === 0) break;
    taken += bytesRead;
    if (taken < size) reading = read(next, taken);
    const end = MAX_LINE_BYTES + bytesRead;
    const lines: Buffer[] = [];
    let start = MAX_LINE_BYTES - held;
    for (
      let newline = buffer.indexOf(NEWLINE, start);
      newline !== -1 && newline < end;
      newline = buffer.indexOf(NEWLINE, start)
    ) {
      if (newline - start > MAX_LINE_BYTES) {
        yield lines;
        return { kind: "line_too_long" };
      }
      lines.push(buffer.subarray(start, newline));
      start = newline + 1;
    }
    yield lines;
    held = end - start;
    if (held > MAX_LINE_BYTES) return { kind: "line_too_long" };
    buffer.copy(next, MAX_LINE_BYTES - held, start, end);
    [buffer, next] = [next, buffer];
  }
  return { kind: "end", bytes: taken, tornBytes: held };
}
