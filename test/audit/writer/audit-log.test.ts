import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type AuditEvent, openAuditLog, verifyAudit } from "../../../src/audit/index.js";
import { AuditUnavailableError, OptionsError } from "../../../src/errors/guard-error.js";
import { fakeClock } from "../../support/fake-clock.js";
import {
  completed,
  countingRandom,
  DECISION,
  denied,
  everythingIn,
  HTTP,
  intent,
  linesOf,
  OPENING,
  openedLog,
  temporaryDirectory,
  testSigner,
} from "../support.js";

const typesOf = (path: string): unknown[] => linesOf(path).map((line) => line["type"]);

test("a closed log of one session verifies as complete", async () => {
  const { log, session, directory, signer } = await openedLog();
  session.append(intent("r1"));
  session.append(completed("r1"));
  await log.close();
  const report = await verifyAudit(directory, { key: signer.verifierKey });
  expect(report).toMatchObject({ verdict: "COMPLETE", exitCode: 0, key: { source: "given" } });
  expect(report.logs.map((entry) => entry.verdict)).toEqual(["COMPLETE", "COMPLETE"]);
});

test("1: a thousand concurrent requests leave intent and outcome each, gapless and under distinct ids", async () => {
  const { log, session, segment, directory, signer } = await openedLog({ sync: "group" });
  await Promise.all(
    Array.from({ length: 1000 }, async (_, index) => {
      session.append(intent(`r${index}`));
      await session.sync();
      session.append(completed(`r${index}`));
    }),
  );
  await log.close();
  const lines = linesOf(segment);
  expect(lines.map((line) => line["seq"])).toEqual(lines.map((_, index) => index));
  expect(new Set(lines.map((line) => line["id"])).size).toBe(lines.length);
  for (const type of ["request.intent", "request.completed"]) {
    expect(new Set(lines.filter((line) => line["type"] === type).map((line) => line["request_id"])).size).toBe(1000);
  }
  expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
});

test("2: a denial leaves one signed line and no intent", async () => {
  const { session, segment } = await openedLog();
  session.append(denied("r1"));
  expect(typesOf(segment)).toEqual(["session.opened", "log.checkpoint", "request.denied", "log.checkpoint"]);
});

test("3: principal, agent, session and initiator stand on every line of a session, checkpoints too", async () => {
  const { log, session, segment } = await openedLog();
  session.append(intent("r1"));
  session.append(denied("r2"));
  await log.close();
  const lines = linesOf(segment);
  expect(lines).toHaveLength(7);
  for (const line of lines) {
    expect(line).toMatchObject({ session_id: "s1", initiator: "ai", principal: { id: "ada", type: "human" } });
    expect(line).toMatchObject({ agent: { id: "billing-bot", instance: "run-7" }, boot: log.writer, v: 1 });
  }
});

test("3: claims, groups and e-mail of a principal are nobody's business in the record", async () => {
  const principal = { ...OPENING.principal, email: "ada@acme.example", groups: ["finance"], claims: { salary: 90000 } };
  const { directory } = await openedLog({}, { ...OPENING, principal });
  expect(everythingIn(directory)).not.toMatch(/ada@acme|finance|90000/);
});

test("keys stand in one order, whatever order the caller has", async () => {
  const { session, segment } = await openedLog();
  session.append({ decision: DECISION, http: { ...HTTP }, attempt: 1, request_id: "r1", type: "request.intent" });
  const line = linesOf(segment).at(-1) ?? {};
  expect(Object.keys(line)).toEqual(
    `v seq id type time mono_us boot prev session_id principal agent initiator request_id attempt http decision`.split(
      " ",
    ),
  );
  expect(Object.keys(line["http"] as object)).toEqual(["method", "url", "route", "host", "port"]);
});

test("what the schema does not know is not written", async () => {
  const { session, segment } = await openedLog();
  session.append({
    ...intent("r1"),
    seq: 99,
    authorization: "Bearer x",
    http: { ...HTTP, body: "x" },
  } as unknown as AuditEvent);
  const line = linesOf(segment).at(-1);
  expect(line).toMatchObject({ seq: 2 });
  expect(JSON.stringify(line)).not.toMatch(/Bearer|body/);
});

test("nobody but the log itself writes a beginning, an end or a checkpoint", async () => {
  const { session, segment } = await openedLog();
  for (const type of ["session.closed", "session.opened", "log.checkpoint", "log.rotated", "x"]) {
    expect(() => session.append({ type } as unknown as AuditEvent)).toThrow(TypeError);
  }
  expect(linesOf(segment)).toHaveLength(2);
});

test("the first line of a log and every checkpoint name it; the ledger lists the session and its signed end", async () => {
  const { log, session, segment, ledger } = await openedLog();
  log.policyLoaded({ id: "p1", hash: "cd" });
  await session.close("done");
  await log.close();
  const named = linesOf(segment).filter((line) => line["log"] !== undefined);
  expect(named.map((line) => line["type"])).toEqual(["session.opened", "log.checkpoint", "log.checkpoint"]);
  expect(named.every((line) => line["log"] === `sallyport/${log.writer}/s1`)).toBe(true);
  expect(typesOf(ledger).filter((type) => type !== "log.checkpoint")).toEqual([
    "log.opened",
    "session.opened",
    "policy.loaded",
    "session.closed",
    "log.closed",
  ]);
  expect(linesOf(ledger).find((line) => line["type"] === "session.closed")).toMatchObject({
    session_id: "s1",
    reason: "done",
    size: 3,
    final: true,
  });
});

test("a checkpoint follows 64 lines, or two seconds with anything unsigned, and nothing when all is signed", async () => {
  const clock = fakeClock();
  const { session, segment } = await openedLog({ clock });
  const checkpoints = (): number => typesOf(segment).filter((type) => type === "log.checkpoint").length;
  for (let count = 0; count < 63; count++) session.append(intent(`r${count}`));
  expect(checkpoints()).toBe(1);
  session.append(intent("r63"));
  expect(checkpoints()).toBe(2);
  session.append(intent("r64"));
  await clock.advance(1999);
  expect(checkpoints()).toBe(2);
  await clock.advance(1);
  expect(checkpoints()).toBe(3);
  await clock.advance(60_000);
  expect(checkpoints()).toBe(3);
});

test("the outcome of a request that changes something is signed at once, of one that reads is not", async () => {
  const { session, segment } = await openedLog();
  session.append(completed("r1"));
  expect(typesOf(segment).at(-1)).toBe("request.completed");
  session.append({ type: "request.completed", request_id: "r2", http: { ...HTTP, method: "DELETE", status: 204 } });
  expect(typesOf(segment).at(-1)).toBe("log.checkpoint");
});

test("38: a wall clock that steps back changes neither order nor the monotonic time", async () => {
  const clock = fakeClock();
  const { log, session, segment, directory, signer } = await openedLog({ clock });
  session.append(intent("r1"));
  clock.stepWallClock(-3_600_000);
  session.append(intent("r2"));
  await log.close();
  const [first, second] = linesOf(segment).filter((line) => line["type"] === "request.intent");
  expect(String(second?.["time"]) < String(first?.["time"])).toBe(true);
  expect(Number(second?.["mono_us"])).toBeGreaterThanOrEqual(Number(first?.["mono_us"]));
  expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
});

test("files are private, and a second process gets a directory of its own", async () => {
  const { log, directory, segment, ledger, signer } = await openedLog();
  const other = await openedLog({ directory, signer });
  expect(other.log.writer).not.toBe(log.writer);
  for (const path of [segment, ledger, join(directory, log.writer, "lock")])
    expect(statSync(path).mode & 0o777).toBe(0o600);
  for (const path of [join(directory, log.writer), join(segment, "..")])
    expect(statSync(path).mode & 0o777).toBe(0o700);
});

test("35: a directory that is taken is refused and left as it is", async () => {
  const directory = temporaryDirectory();
  const clock = fakeClock();
  const first = await openedLog({ directory, clock, randomBytes: countingRandom() });
  const before = readFileSync(first.ledger, "utf8");
  const second = openedLog({ directory, clock, randomBytes: countingRandom() });
  await expect(second).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE", systemCode: "EEXIST" });
  expect(readFileSync(first.ledger, "utf8")).toBe(before);
});

test("35: the lock names its holder while the log is open, and is gone once it is closed", async () => {
  const { log, directory } = await openedLog();
  const lock = join(directory, log.writer, "lock");
  expect(JSON.parse(readFileSync(lock, "utf8"))).toMatchObject({ pid: process.pid });
  await log.close();
  expect(existsSync(lock)).toBe(false);
});

test("two sessions of one id are refused, and the second leaves the first alone", async () => {
  const { log, segment, directory, signer } = await openedLog();
  const before = readFileSync(segment, "utf8");
  expect(() => log.openSession(OPENING)).toThrow(AuditUnavailableError);
  expect(readFileSync(segment, "utf8")).toBe(before);
  await log.close();
  expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
});

test.each(["", "..", "a/b", "a\\b", "a.b", "lock/..", "ü", "x".repeat(129), "a\0"])(
  "the session id %j is refused",
  async (id) => {
    const { log, directory } = await openedLog();
    const before = readdirSync(join(directory, log.writer));
    expect(() => log.openSession({ ...OPENING, id })).toThrow(OptionsError);
    expect(readdirSync(join(directory, log.writer))).toEqual(before);
  },
);

test("3: a session without a principal is refused, with everything else that is wrong with it", async () => {
  const { log } = await openedLog();
  const facts = { id: "s2", principal: { id: "", type: "human" }, agent: {}, purpose: 1, expiresAt: Number.NaN };
  expect(() => log.openSession(facts as never)).toThrow(/\/principal\/id.*\/agent\/id.*\/purpose.*\/expiresAt/s);
});

test("all wrong options are named at once", async () => {
  const wrong = { directory: "", sync: "maybe", signer: { keyName: "a b" }, colour: 1, warn: "x" };
  await expect(openAuditLog(wrong as never)).rejects.toMatchObject({
    problems: expect.arrayContaining([
      expect.objectContaining({ pointer: "/colour" }),
      expect.objectContaining({ pointer: "/warn" }),
      expect.objectContaining({ pointer: "/directory" }),
      expect.objectContaining({ pointer: "/sync" }),
      expect.objectContaining({ pointer: "/signer/keyName" }),
      expect.objectContaining({ pointer: "/signer/publicKey" }),
      expect.objectContaining({ pointer: "/signer/sign" }),
    ]),
  });
});

test("41: closing is idempotent, ends open sessions, and writing afterwards is a named error", async () => {
  const { log, session, segment, directory, signer } = await openedLog({ sync: "group" });
  await Promise.all([log.close(), log.close(), session.close("late")]);
  await log.close();
  expect(typesOf(segment)).toEqual(["session.opened", "log.checkpoint", "session.closed", "log.checkpoint"]);
  expect(() => session.append(intent("r1"))).toThrow(expect.objectContaining({ systemCode: "CLOSED" }));
  expect(() => log.openSession({ ...OPENING, id: "s2" })).toThrow(expect.objectContaining({ systemCode: "CLOSED" }));
  expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
});

test("a session that is closing takes no more lines, although its last sync is still under way", async () => {
  const { session, segment } = await openedLog({ sync: "strict" });
  const closing = session.close("done");
  expect(() => session.append(intent("late"))).toThrow(AuditUnavailableError);
  await closing;
  expect(typesOf(segment).at(-2)).toBe("session.closed");
});

test("the default signer makes one private key, says so once, and is used again", async () => {
  const directory = temporaryDirectory();
  const warnings: string[] = [];
  const options = {
    directory,
    clock: fakeClock(),
    sync: "os",
    warn: (message: string) => void warnings.push(message),
  } as const;
  const first = await openAuditLog(options);
  const key = readFileSync(join(directory, "signer.pub"), "utf8");
  const second = await openAuditLog(options);
  await Promise.all([first.close(), second.close()]);
  expect(warnings).toEqual([expect.stringContaining("signer.key")]);
  expect(statSync(join(directory, "signer.key")).mode & 0o777).toBe(0o600);
  expect(key).toMatch(/^sallyport-audit\+[0-9a-f]{8}\+[A-Za-z0-9+/=]{44}\n$/);
  expect(readFileSync(join(directory, "signer.pub"), "utf8")).toBe(key);
  const report = await verifyAudit(directory);
  expect(report).toMatchObject({ verdict: "COMPLETE", key: { source: "directory" } });
  expect(report.notes).toContainEqual(expect.stringContaining("pin it elsewhere"));
});

test("a public key that does not belong to the signer is refused: it would mislead every verifier", async () => {
  const directory = temporaryDirectory();
  mkdirSync(directory, { recursive: true });
  writeFileSync(join(directory, "signer.pub"), `${testSigner().verifierKey}\n`);
  await expect(openAuditLog({ directory, warn: () => {} })).rejects.toMatchObject({ systemCode: "KEY_MISMATCH" });
});

test("40: a failing signer lets lines through unsigned up to a limit, then nothing; and is told once", async () => {
  const signer = testSigner();
  let failing = false;
  const warnings: string[] = [];
  const { session, segment, directory } = await openedLog({
    signer: { ...signer, sign: (message) => (failing ? fail() : signer.sign(message)) },
    warn: (message) => void warnings.push(message),
  });
  const fail = (): never => {
    throw new Error("the key store is away");
  };
  failing = true;
  for (let count = 0; count < 1024; count++) session.append(intent(`r${count}`));
  expect(() => session.append(intent("more"))).toThrow(expect.objectContaining({ systemCode: "SIGNER" }));
  expect(warnings).toHaveLength(1);
  failing = false;
  session.append(intent("again"));
  expect(typesOf(segment).slice(-3)).toEqual(["log.checkpoint", "log.gap", "request.intent"]);
  const report = await verifyAudit(directory, { key: signer.verifierKey });
  expect(report.logs.at(-1)).toMatchObject({ verdict: "PREFIX_VALID_END_UNPROVEN", unsigned: 2 });
});

test("a signer that writes to the log while it signs does not break the chain", async () => {
  const signer = testSigner();
  let reenter = (): void => {};
  const opened = await openedLog({
    signer: {
      ...signer,
      sign: (message) => {
        const again = reenter;
        reenter = () => {};
        again();
        return signer.sign(message);
      },
    },
  });
  reenter = () => void opened.session.append(denied("nested"));
  opened.session.append(denied("outer"));
  await opened.log.close();
  expect((await verifyAudit(opened.directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
});

test("37: a log goes on in a new segment after 10 000 lines, linked to the one before", async () => {
  const { log, session, segment, directory, signer } = await openedLog();
  for (let count = 0; count < 10_000; count++) session.append(intent(`r${count}`));
  await log.close();
  const [first, second] = [segment, segment.replace("000000", "000001")].map(linesOf);
  expect(first?.at(-1)?.["type"]).toBe("log.checkpoint");
  expect(second?.[0]).toMatchObject({
    type: "log.rotated",
    predecessor: "000000.jsonl",
    size: statSync(segment).size,
    last_hash: second?.[0]?.["prev"],
    seq: first?.length,
  });
  expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
});
