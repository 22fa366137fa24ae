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

async function* readAll(
  file: FileHandle,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<readonly Buffer[], ReadEnd, undefined> {
  const buffer = Buffer.allocUnsafe(4 * MAX_LINE_BYTES);
  let held = 0;
  let taken = 0;
  while (taken < size) {
    signal?.throwIfAborted();
    const { bytesRead } = await file.read(buffer, held, Math.min(buffer.length - held, size - taken));
    if (bytesRead === 0) break;
    taken += bytesRead;
    const end = held + bytesRead;
    const lines: Buffer[] = [];
    let start = 0;
    for (let newline = buffer.indexOf(0x0a); newline !== -1 && newline < end; newline = buffer.indexOf(0x0a, start)) {
      if (newline - start > MAX_LINE_BYTES) {
        yield lines;
        return { kind: "line_too_long" };
      }
      lines.push(buffer.subarray(start, newline));
      start = newline + 1;
    }
    yield lines;
    buffer.copyWithin(0, start, end);
    held = end - start;
    if (held > MAX_LINE_BYTES) return { kind: "line_too_long" };
  }
  return { kind: "end", bytes: taken, tornBytes: held };
}
