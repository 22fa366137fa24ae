import { appendFileSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openAuditLog } from "../../src/audit/index.js";
import { followAudit } from "../../src/audit/reading/follow.js";
import { run } from "../../src/cli/run.js";
import { fakeIo } from "../cli/support.js";
import { fakeClock } from "../support/fake-clock.js";
import { completed, denied, intent, OPENING, type Opened, openedLog, temporaryDirectory } from "./support.js";

type Line = Readonly<Record<string, unknown>>;

/** Follows a directory; each look but the first is preceded by one of the steps, and the last one ends it. */
async function follow(
  directory: string,
  steps: readonly (() => unknown)[],
  options: { readonly last?: number; readonly session?: string; readonly wanted?: (line: Line) => boolean } = {},
): Promise<readonly string[]> {
  const controller = new AbortController();
  const left = [...steps];
  const seen: string[] = [];
  const followed = followAudit(directory, {
    last: 0,
    wanted: () => true,
    ...options,
    signal: controller.signal,
    pause: async () => {
      const step = left.shift();
      if (step === undefined) controller.abort();
      else await step();
    },
  });
  for await (const { session, line } of followed) seen.push(`${session} ${String(line["request_id"] ?? line["type"])}`);
  return seen;
}

test("46: lines are seen as they are written, before their exchange has ended, and once", async () => {
  const { directory, session } = await openedLog();
  session.append(intent("before"));
  const seen = await follow(directory, [
    () => session.append(intent("r1")),
    () => undefined,
    () => session.append(completed("r1")),
  ]);
  expect(seen).toEqual(["s1 r1", "s1 r1"]);
});

test("sessions that open meanwhile are followed from their first line, also those of another writer", async () => {
  const { directory, log } = await openedLog();
  const seen = await follow(directory, [
    () => log.openSession({ ...OPENING, id: "s2" }).append(intent("r2")),
    async () => {
      const other = await openedLog({ directory }, { ...OPENING, id: "s3" });
      other.session.append(intent("r3"));
    },
  ]);
  expect(seen.filter((line) => line.includes(" r"))).toEqual(["s2 r2", "s3 r3"]);
  expect(seen).toContain("s2 session.opened");
});

test("a log is followed over its segments", async () => {
  const clock = fakeClock();
  const { directory, session } = await openedLog({ clock });
  const seen = await follow(directory, [
    () => session.append(intent("today")),
    async () => {
      session.append(intent("tonight"));
      await clock.advance(86_400_000);
      session.append(intent("tomorrow"));
      await clock.advance(86_400_000);
      session.append(intent("next"));
    },
  ]);
  expect(seen.filter((line) => !/checkpoint|rotated/.test(line))).toEqual([
    "s1 today",
    "s1 tonight",
    "s1 tomorrow",
    "s1 next",
  ]);
  expect(seen.filter((line) => line.includes("log.rotated"))).toHaveLength(2);
});

test("half a line is shown once it is whole, and what never becomes one is passed over", async () => {
  const { directory, segment } = await openedLog();
  const seen = await follow(directory, [
    () => appendFileSync(segment, '{"type":"x","request_id":'),
    () => appendFileSync(segment, '"whole"}\nrubbish\n'),
    () => appendFileSync(segment, `${"x".repeat(300_000)}\n{"request_id":"after"}\n`),
  ]);
  expect(seen).toEqual(["s1 whole", "s1 after"]);
});

test("the last lines come first, over all sessions, in the order of time, and a wanted few of many", async () => {
  const clock = fakeClock();
  const { directory, session, log } = await openedLog({ clock });
  const other = log.openSession({ ...OPENING, id: "s2" });
  for (let count = 0; count < 400; count++) {
    await clock.advance(1);
    (count % 2 === 0 ? session : other).append(intent(`r${count}`));
  }
  const wanted = (line: Line): boolean => line["type"] === "request.intent";
  expect(await follow(directory, [], { last: 3, wanted })).toEqual(["s2 r397", "s1 r398", "s2 r399"]);
  expect(await follow(directory, [], { last: 2, wanted, session: "s1" })).toEqual(["s1 r396", "s1 r398"]);
  expect(await follow(directory, [], { last: 0, wanted })).toEqual([]);
});

test("a directory that goes away, or holds something else, ends nothing", async () => {
  const { directory, session, log } = await openedLog();
  mkdirSync(join(directory, log.writer, "s0", "000000.jsonl"), { recursive: true });
  const seen = await follow(directory, [
    () => session.append(intent("r1")),
    () => rmSync(directory, { recursive: true }),
    () => undefined,
  ]);
  expect(seen).toEqual(["s1 r1"]);
});

/** Runs a command that goes on until it is interrupted, which is when `until` has been printed. */
async function sallyport(
  argv: readonly string[],
  until?: string,
): Promise<{ readonly out: string; readonly code: number }> {
  const io = fakeIo();
  const watched = {
    ...io,
    stdout: (text: string) => {
      io.stdout(text);
      if (until !== undefined && text.includes(until)) io.interrupt();
    },
  };
  const code = await run(["audit", ...argv], watched);
  return { out: io.out(), code };
}

test("tail prints what was refused, of one session, as text and as JSON, and Ctrl-C ends it cleanly", async () => {
  const { directory, session, log } = await openedLog();
  session.append(intent("r1"));
  session.append(denied("r2"));
  log.openSession({ ...OPENING, id: "s2" }).append(denied("r3"));
  const text = await sallyport(["tail", directory, "--denied", "--session", "s1"], "deny");
  expect(text.code).toBe(0);
  expect(text.out.trimEnd().split("\n")).toEqual([expect.stringMatching(/^s1 {2}.*request\.denied.*deny/)]);
  const json = await sallyport(["tail", directory, "--denied", "--session", "s2", "--json"], "r3");
  expect(JSON.parse(json.out)).toMatchObject({ type: "request.denied", request_id: "r3" });
  expect((await sallyport(["tail", directory, "--last", "many"])).code).toBe(64);
});

test("57: what was recorded does nothing in the terminal that follows it", async () => {
  const { directory, segment } = await openedLog();
  const evil = "\u001b[2J\u202e\r\u0007";
  appendFileSync(segment, `${JSON.stringify({ type: evil, time: evil, reason: evil, http: { url: evil } })}\n`);
  appendFileSync(segment, `{"type":"x","http":${"[".repeat(30_000)}${"]".repeat(30_000)}}\n{"type":"end"}\n`);
  for (const json of [[], ["--json"]]) {
    const { out } = await sallyport(["tail", directory, ...json], "end");
    expect(out.length).toBeGreaterThan(100);
    expect(out.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  }
});

/** A log whose writer is dead, as far as its lock can tell. */
function pretendDead({ directory, log }: Opened): void {
  const holder = { pid: 2 ** 22 + 1, host: hostname(), started: "2026-01-15T12:00:00.000Z" };
  writeFileSync(join(directory, log.writer, "lock"), JSON.stringify(holder));
}

test("10: sessions lists what is open, whose it is, and what waits for an outcome", async () => {
  const opened = await openedLog();
  const { directory, session, log } = opened;
  session.append(intent("r1"));
  session.append(intent("r2"));
  session.append(completed("r1"));
  await log.openSession({ ...OPENING, id: "s2" }).close("done");
  const open = await sallyport(["sessions", directory]);
  expect(open.code).toBe(0);
  expect(open.out).toMatch(
    /^s1 {2}open {2}\d+d old {2}ada \(human\) through billing-bot {2}close ticket 4711 {2}5 lines, .* {2}1 without an outcome\n$/,
  );
  const all = await sallyport(["sessions", directory, "--all", "--json"]);
  const states = all.out
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
  expect(states).toMatchObject([
    {
      id: "s1",
      state: "open",
      pending: 1,
      purpose: OPENING.purpose,
      principal: { id: "ada" },
      agent: { id: "billing-bot" },
    },
    { id: "s2", state: "closed", pending: 0 },
  ]);

  pretendDead(opened);
  expect((await sallyport(["sessions", directory])).out).toContain("open in the record, writer gone");
  await (await openAuditLog({ directory, signer: opened.signer, warn: () => {} })).close();
  expect((await sallyport(["sessions", directory])).out).toBe("No session is open.\n");
  expect((await sallyport(["sessions", directory, "--all"])).out).toContain("ended by a crash, recovered");
});

test("sessions tells a writer elsewhere from a dead one, and reads what is no record", async () => {
  const { directory, log, segment } = await openedLog();
  writeFileSync(join(directory, log.writer, "lock"), JSON.stringify({ pid: 1, host: "elsewhere" }));
  writeFileSync(segment, "null\n{}\n\u001b[2J\n");
  const { out, code } = await sallyport(["sessions", directory]);
  expect(code).toBe(0);
  expect(out).toContain("writer on another machine");
  expect((await sallyport(["sessions", temporaryDirectory()])).out).toBe("No session is open.\n");
});
