import { execFile } from "node:child_process";
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { basename, join } from "node:path";
import { promisify } from "node:util";
import { describe, expect, onTestFinished, test } from "vitest";
import type { ApprovalStore } from "../../src/approval/index.js";
import type { OptionsError } from "../../src/errors/guard-error.js";
import { journalFiles } from "../../src/store/file/journal.js";
import { type FileStore, fileStore } from "../../src/store/index.js";
import { approvalStoreChecks } from "../../src/testing/index.js";
import { builtProgram } from "../support/built-child.js";
import { temporaryDirectory } from "../support/guards.js";
import { describeLimitStore } from "./limit-store-conformance.js";
import { MINUTE, openingOf, SPENDING, START } from "./openings.js";

/** A store that is closed after the test. */
function open(directory: string, options: Parameters<typeof fileStore>[1] = {}): ApprovalStore {
  const store: FileStore = fileStore(directory, options);
  onTestFinished(() => store.close());
  return store.approvals;
}

const journals = (directory: string): readonly string[] =>
  readdirSync(directory)
    .filter((name) => name.endsWith(".journal"))
    .map((name) => join(directory, name));

const openAs = (store: ApprovalStore, id: string) =>
  store.openOrJoin(`gf2:${id}`, openingOf(id, { fingerprint: `gf2:${id}` }));

test.each(approvalStoreChecks)("a file store $name", async ({ run }) => {
  const directory = temporaryDirectory();
  await run({ store: open(directory), reopen: async () => open(directory) });
});

test("keeps its files to their owner", async () => {
  const { statSync } = await import("node:fs");
  const directory = join(temporaryDirectory(), "state");
  await openAs(open(directory), "a");
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  for (const journal of journals(directory)) expect(statSync(journal).mode & 0o777).toBe(0o600);
});

test("half a line that a killed process left is nobody's, wherever it was cut", async () => {
  const directory = temporaryDirectory();
  await openAs(open(directory), "a");
  const [journal = ""] = journals(directory);
  const whole = readFileSync(journal);
  const line = `\n3 x ${whole.toString("latin1").slice(-2000)}`;
  for (const length of [1, 2, 3, 20, 100, line.length - 1]) {
    writeFileSync(journal, whole);
    appendFileSync(journal, line.slice(0, length));
    const store = open(directory);
    expect((await store.list()).map(({ id }) => id)).toEqual(["a"]);
    await openAs(store, "b");
    expect((await open(directory).list()).map(({ id }) => id)).toEqual(["b", "a"]);
  }
});

test("a last line that did not get to the disk whole is as if it had not been written", async () => {
  const directory = temporaryDirectory();
  const store = open(directory);
  await openAs(store, "a");
  const [journal = ""] = journals(directory);
  const before = readFileSync(journal).length;
  await openAs(store, "b");
  for (const length of [before + 1, before + 50, readFileSync(journal).length - 1]) {
    truncateSync(journal, length);
    expect((await open(directory).list()).map(({ id }) => id)).toEqual(["a"]);
  }
});

describe("a disk that fails", () => {
  /** The file system with another function in one place, until the answer is called. */
  const failing = <Name extends "writeSync" | "fdatasync">(name: Name, other: unknown): (() => void) => {
    const own = journalFiles[name];
    (journalFiles as Record<string, unknown>)[name] = other;
    const restore = (): void => void Object.assign(journalFiles, { [name]: own });
    onTestFinished(restore);
    return restore;
  };
  const yes = { verdict: "approve", by: { id: "ann", idp: "i" }, at: START + MINUTE } as const;
  const noSpace = (): never => {
    throw Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  };
  const halfOfIt = (file: number, bytes: Uint8Array): number => {
    return writeSync(file, bytes.subarray(0, bytes.length / 2));
  };

  test.each([
    ["full", noSpace, /ENOSPC/],
    ["full in the middle of a line", halfOfIt, /took half a line/],
  ])("because it is %s takes no answer, and the next one when there is room", async (_how, write, words) => {
    const directory = temporaryDirectory();
    const store = open(directory);
    await openAs(store, "a");
    const restore = failing("writeSync", write);
    await expect(store.vote("a", { ...yes, nonce: "n1" })).rejects.toThrow(words);
    await expect(store.reserve("a", "gf2:a", { id: "l", at: START, expiresAt: START + MINUTE })).resolves.toBe("gone");
    await expect(openAs(store, "b")).rejects.toThrow(words);
    restore();
    for (const one of [store, open(directory)]) {
      expect((await one.list()).map(({ id, state, votes }) => [id, state, votes.length])).toEqual([
        ["a", "pending", 0],
      ]);
    }
    expect(await store.vote("a", { ...yes, nonce: "n2" })).toMatchObject({ state: "approved" });
    expect(await open(directory).get("a")).toMatchObject({ state: "approved", votes: [{ nonce: "n2" }] });
  });

  test("when it is asked whether it has the line gives no grant: nobody who was refused one is sent, and nobody else either", async () => {
    const directory = temporaryDirectory();
    const store = open(directory);
    await openAs(store, "a");
    await store.vote("a", { ...yes, nonce: "n1" });
    const lease = { id: "l", at: START + MINUTE, expiresAt: START + 2 * MINUTE, spending: SPENDING };
    const restore = failing("fdatasync", (_: number, done: (error: Error) => void) =>
      done(new Error("EIO: i/o error")),
    );
    await expect(store.reserve("a", "gf2:a", lease)).rejects.toThrow("EIO");
    restore();
    for (const one of [store, open(directory)]) {
      expect(await one.reserve("a", "gf2:a", { ...lease, id: "other" })).toBe("gone");
      expect(await one.get("a")).toMatchObject({ state: "reserved", lease: { id: "l" } });
    }
    expect((await store.due(lease.expiresAt)).map(({ state }) => state)).toEqual(["unknown"]);
  });
});

test("beside Node's permission model, where nobody may call fsync, keeps what it is given and writes its history anew", async () => {
  const directory = realpathSync(temporaryDirectory());
  const child = await builtProgram(new URL("restricted-child.ts", import.meta.url));
  const flag = process.versions.node.startsWith("20.") ? "--experimental-permission" : "--permission";
  const flags = [flag, "--allow-fs-read=*", `--allow-fs-write=${directory}/`, "--no-warnings"];
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, child, directory]);
  expect(stdout).toBe("a99 denied,a98 denied,a97 denied\n");
  expect(journals(directory).map((path) => basename(path))).not.toContain("approvals.000000.journal");
  expect((await open(directory).list()).map(({ id }) => id)).toEqual(["a99", "a98", "a97"]);
});

test("a line that is missing, or changed, in the middle is damage: nothing is guessed, and it stays so", async () => {
  const directory = temporaryDirectory();
  const store = open(directory);
  for (const id of ["a", "b", "c"]) await openAs(store, id);
  const [journal = ""] = journals(directory);
  const text = readFileSync(journal, "utf8");
  const lines = text.split("\n").filter((line) => line !== "");
  expect(lines.length).toBe(4);
  for (const changed of [
    lines.filter((_, index) => index !== 2),
    lines.map((line, index) => (index === 2 ? line.replace("pending", "approve") : line)),
    lines.filter((_, index) => index !== 0),
  ]) {
    writeFileSync(journal, changed.map((line) => `\n${line}\n`).join(""));
    const damaged = open(directory);
    await expect(damaged.list()).rejects.toThrow("has lost a line");
    await expect(damaged.list()).rejects.toThrow("has lost a line");
    await expect(openAs(damaged, "d")).rejects.toThrow("has lost a line");
  }
});

test("a journal that is cut or removed under an open store is damage, not an empty store", async () => {
  const cut = temporaryDirectory();
  const one = open(cut);
  await openAs(one, "a");
  truncateSync(journals(cut)[0] ?? "", 10);
  await expect(one.list()).rejects.toThrow("was cut");
  const removed = temporaryDirectory();
  const two = open(removed);
  await openAs(two, "a");
  rmSync(journals(removed)[0] ?? "");
  await expect(two.list()).rejects.toThrow("was removed");
  await expect(openAs(two, "a")).rejects.toThrow("was removed");
});

test("26: a record or a journal of another version is refused, and not guessed", async () => {
  const directory = temporaryDirectory();
  await open(directory).openOrJoin("gf2:a", { ...openingOf("a"), v: 2 } as never);
  const [journal = ""] = journals(directory);
  expect(readFileSync(journal, "utf8")).toContain('"v":2');
  await expect(open(directory).list()).rejects.toThrow("version 2 was written by a later version");
});

test("history is written out of the journal as it grows, while two handles use it", async () => {
  const directory = temporaryDirectory();
  const [one, two] = [open(directory, { maxApprovals: 20 }), open(directory, { maxApprovals: 20 })];
  for (let round = 0; round < 600; round++) {
    const store = round % 2 === 0 ? one : two;
    const fingerprint = `gf2:${round}`;
    const opening = openingOf(`a${round}`, { fingerprint, createdAt: START + round, expiresAt: START + MINUTE });
    await store.openOrJoin(fingerprint, opening);
    await store.vote(`a${round}`, { verdict: "cancel", by: { id: "ann", idp: "i" }, at: START + round, nonce: "n" });
  }
  expect(journals(directory)).toHaveLength(1);
  expect(journals(directory)[0]).not.toContain("000000");
  expect(readFileSync(journals(directory)[0] ?? "").length).toBeLessThan(1.5 * 1024 * 1024);
  const ids = (await one.list()).map(({ id }) => id);
  expect(ids).toHaveLength(20);
  expect(ids[0]).toBe("a599");
  expect((await two.list()).map(({ id }) => id)).toEqual(ids);
  expect((await open(directory).list()).map(({ id }) => id).sort()).toEqual([...ids].sort());
});

test("a lock that a killed process left holds up nobody for long, and one without a holder is taken away", async () => {
  const directory = temporaryDirectory();
  const store = open(directory);
  // No process has this id: Linux, macOS and Windows stay far below.
  writeFileSync(join(directory, "approvals.lock"), "2147483646\n");
  await openAs(store, "a");
  expect(readdirSync(directory)).not.toContain("approvals.lock");
  // Held by somebody who stands still: it goes on without.
  writeFileSync(join(directory, "approvals.lock"), `${process.pid}\n`);
  await openAs(store, "b");
  expect((await open(directory).list()).map(({ id }) => id)).toEqual(["b", "a"]);
});

test("two handles that open many approvals at once agree on all of them", async () => {
  const directory = temporaryDirectory();
  const stores = [open(directory), open(directory), open(directory)];
  const opened = await Promise.all(
    Array.from({ length: 90 }, async (_, index) => {
      const fingerprint = `gf2:${index % 30}`;
      const { created } = await stores[index % 3]!.openOrJoin(fingerprint, openingOf(`a${index}`, { fingerprint }));
      return created;
    }),
  );
  expect(opened.filter((created) => created)).toHaveLength(30);
  const [first, ...others] = await Promise.all(stores.map((store) => store.list()));
  for (const other of others) expect(other).toEqual(first);
  expect(first?.every(({ attempt }) => attempt === 3)).toBe(true);
});

test("a closed store and a full one refuse", async () => {
  const store = fileStore(temporaryDirectory(), { maxApprovals: 1 });
  await openAs(store.approvals, "a");
  await expect(openAs(store.approvals, "b")).rejects.toThrow("full");
  await store.close();
  await expect(store.approvals.list()).rejects.toThrow("closed");
});

test("wrong options, and a directory that cannot be one, are refused when it is opened", () => {
  const file = join(temporaryDirectory(), "file");
  writeFileSync(file, "");
  for (const [directory, options, pointer] of [
    [file, {}, "/directory"],
    [temporaryDirectory(), { maxApprovals: 0 }, "/maxApprovals"],
    [temporaryDirectory(), { other: 1 }, "/other"],
  ] as const) {
    try {
      fileStore(directory, options as never);
      expect.unreachable();
    } catch (error) {
      expect((error as OptionsError).problems.map((problem) => problem.pointer)).toEqual([pointer]);
    }
  }
});

const openLimits = (directory: string) => {
  const store = fileStore(directory);
  onTestFinished(() => store.close());
  return store.limits;
};

describeLimitStore("file limits", async () => openLimits(temporaryDirectory()), { runs: 4, calls: 60 });

const charge = { key: "rule/agent", amount: 1, max: 3, windowMs: 60_000 };

test("lets no more pass a limit than fit, with two openings of one directory in a race", async () => {
  const directory = temporaryDirectory();
  const stores = [openLimits(directory), openLimits(directory)];
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, call) => stores[call % 2]?.reserve([charge], { now: 1_000, monotonic: call })),
  );
  expect(answers.filter((answer) => answer?.ok === true)).toHaveLength(3);
});

test("remembers what was used up when it is opened again, and a clock that was set back gives nothing away", async () => {
  const directory = temporaryDirectory();
  await openLimits(directory).reserve([{ ...charge, amount: 3 }], { now: 1_000_000, monotonic: 5_000_000 });
  const again = openLimits(directory);
  expect(await again.reserve([charge], { now: 1_000_001, monotonic: 1 })).toMatchObject({ ok: false });
  expect(await again.reserve([charge], { now: 0, monotonic: 2 })).toMatchObject({ ok: false });
  expect(await again.reserve([charge], { now: 1_060_000, monotonic: 3 })).toMatchObject({ ok: true });
});
