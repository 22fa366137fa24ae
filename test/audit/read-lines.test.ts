import { writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MAX_LINE_BYTES } from "../../src/audit/encode.js";
import { readLines } from "../../src/audit/verify/lines.js";
import { NO_PREDECESSOR, readExpectedHead, readHead, writeHead } from "../../src/audit/writer/line.js";
import { temporaryDirectory } from "./support.js";

const BOOT = "019a0000-0000-7000-8000-000000000000";

async function linesIn(content: Buffer): Promise<{ readonly lines: string[]; readonly end: unknown }> {
  const path = join(temporaryDirectory(), "lines");
  writeFileSync(path, content);
  const lines: string[] = [];
  const end = await readLines(path, (line) => lines.push(line.toString()) > 0);
  return { lines, end };
}

test("lines are the same wherever the blocks end in which they are read", async () => {
  const sizes = fc.array(fc.nat({ max: MAX_LINE_BYTES }), { minLength: 10, maxLength: 30 });
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat({ max: MAX_LINE_BYTES }), async (lengths, torn) => {
      const written = lengths.map((length, at) => String.fromCharCode(97 + (at % 26)).repeat(length));
      const content = Buffer.from(`${written.map((line) => `${line}\n`).join("")}${"#".repeat(torn)}`);
      const { lines, end } = await linesIn(content);
      expect(lines).toEqual(written);
      expect(end).toEqual({ kind: "end", bytes: content.length, tornBytes: torn });
    }),
    { numRuns: 15 },
  );
});

test("a line that is too long ends the reading, also where it never ends and where the block does", async () => {
  const fits = "x".repeat(MAX_LINE_BYTES);
  expect((await linesIn(Buffer.from(`${fits}\n${fits}`))).end).toMatchObject({ kind: "end" });
  for (const before of [0, 1, 3, 4, 9]) {
    for (const long of [`${fits}x\n`, `${fits}x`, fits.repeat(9)]) {
      const { lines, end } = await linesIn(Buffer.from(`${fits}\n`.repeat(before) + long));
      expect(end).toEqual({ kind: "line_too_long" });
      expect(lines.length).toBe(before);
    }
  }
});

test("a line that is found to be as expected is read as any other, and no other is found so", () => {
  const head = { seq: 7, id: BOOT, type: "request.intent", time: "2026-11-24T10:00:00.000Z", monoUs: 12, boot: BOOT };
  const line = `${writeHead({ ...head, prev: NO_PREDECESSOR })},"a":1}`;
  expect(readExpectedHead(line, 7, BOOT, NO_PREDECESSOR)).toEqual(readHead(line));
  expect(readExpectedHead(line, 8, BOOT, NO_PREDECESSOR)).toBeUndefined();
  for (let at = 0; at < line.length; at++) {
    for (const other of ['"', "0", "a", "\\", ","]) {
      const changed = line.slice(0, at) + other + line.slice(at + 1);
      const found = readExpectedHead(changed, 7, BOOT, NO_PREDECESSOR);
      if (found !== undefined) expect(found).toEqual(readHead(changed));
    }
  }
});
