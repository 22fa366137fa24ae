import { rmSync } from "node:fs";
import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { type CredentialProvider, staticSecret } from "../../src/broker/index.js";
import { createGuard } from "../../src/index.js";
import { memoryStore, type Store } from "../../src/store/index.js";
import { loopbackPolicy, recordedEvents, silentLog, temporaryDirectory } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** When a collection takes away what nobody can reach is the engine's to say. */
const PATIENCE = { timeout: 20_000 };

/** What would have ended the process. Vitest fails the run for it, too. */
let fatal: unknown[] = [];
beforeEach(() => {
  fatal = [];
  const note = (error: unknown): void => void fatal.push(error);
  process.on("unhandledRejection", note).on("uncaughtException", note);
  onTestFinished(() => void process.off("unhandledRejection", note).off("uncaughtException", note));
});

/** Node tells of an unhandled rejection, and of an error in a finalizer, between two turns of the event loop. */
async function turns(count = 5): Promise<void> {
  for (let turn = 0; turn < count; turn++) await nextTurn();
}

const allowed = [{ id: "all", effect: "allow", service: "api", methods: ["GET", "POST"], path: "/**" }] as const;

/** A service whose answers begin and do not end, a guard, and a way to take the audit directory away. */
async function scene({ store }: { readonly store?: Store } = {}) {
  const open: ServerResponse[] = [];
  const api = await startUpstream((request, response) => {
    response.setHeader("content-type", "text/plain");
    if (request.url === "/short") return void response.end("short");
    response.write("the beginning ");
    open.push(response);
  });
  onTestFinished(() => api.close());
  const revoked: string[] = [];
  const secret = staticSecret({ scheme: "bearer", secret: "s3cr3t-token-value" });
  const key: CredentialProvider = {
    ...secret,
    issue: async (...asked) => ({ ...(await secret.issue(...asked)), revocable: true }),
    revoke: async ({ scope }) => {
      revoked.push(scope.join(" "));
      return "revoked";
    },
  };
  const directory = temporaryDirectory();
  const log = silentLog();
  const guard = await createGuard({
    log,
    audit: { directory, sync: "os" },
    policy: loopbackPolicy(api.origin, [...allowed], { credential: "key" }),
    credentials: { key },
    ...(store === undefined ? {} : { store }),
  });
  onTestFinished(() => guard.close().catch(() => undefined)); // it cannot sign what is gone
  const session = await guard.openSession({
    principal: { id: "ada", type: "human" },
    agent: { id: "test-agent" },
    purpose: "testing",
  });
  const told = () => log.lines.filter((line) => line.includes("the outcome of a call could not be recorded"));
  /** From here on nothing can be recorded, and so nothing is sent. */
  const loseTheRecord = async (): Promise<void> => {
    rmSync(directory, { recursive: true, force: true });
    const sent = api.received.length;
    await expect(session.fetch(`${api.origin}/short`, { method: "POST" })).rejects.toMatchObject({
      code: "AUDIT_UNAVAILABLE",
    });
    expect(api.received).toHaveLength(sent);
  };
  return { guard, session, directory, api, open, revoked, told, loseTheRecord };
}

type Scene = Awaited<ReturnType<typeof scene>>;

/** What a caller has in hand when the record goes, and what then becomes of it. Nobody waits for any of it. */
const ENDINGS: readonly {
  readonly name: string;
  hold(response: Response): unknown;
  drop(held: unknown, parts: { readonly scene: Scene; readonly abort: (reason?: unknown) => void }): void;
}[] = [
  {
    name: "cancelled",
    hold: (response) => response,
    drop: (response) => void (response as Response).body?.cancel("enough"),
  },
  {
    name: "cancelled by a reader in the middle of a read",
    hold: (response) => response.body?.getReader(),
    drop: (held) => {
      const reader = held as ReadableStreamDefaultReader;
      reader.read().catch(() => undefined);
      void reader.cancel();
    },
  },
  {
    name: "cloned, and both copies cancelled",
    hold: (response) => [response, response.clone()],
    drop: (copies) => {
      for (const { body } of copies as Response[]) void body?.cancel();
    },
  },
  { name: "forgotten without a look at its body", hold: () => undefined, drop: () => undefined },
  { name: "forgotten with its stream", hold: (response) => void response.body, drop: () => undefined },
  {
    name: "broken off by the service, and forgotten",
    hold: (response) => void response.body,
    drop: (_, { scene: { open } }) => void open[0]?.destroy(),
  },
  {
    name: "broken off by the caller's signal while nobody reads",
    hold: (response) => response.body,
    drop: (_, { abort }) => abort(),
  },
];

describe("an answer that nobody reads, when the record has gone away, ends no process and is told to the operator", () => {
  it.each(ENDINGS)("$name", async ({ hold, drop }) => {
    const parts = await scene();
    const control = new AbortController();
    const held = await parts.session
      .fetch(`${parts.api.origin}/long`, { signal: control.signal })
      .then((response) => hold(response));
    await parts.loseTheRecord();
    drop(held, { scene: parts, abort: (reason) => control.abort(reason) });
    await expect
      .poll(async () => {
        collect();
        await turns();
        return parts.told().length;
      }, PATIENCE)
      .toBe(1);
    await turns();
    expect(fatal).toEqual([]);
    expect(parts.told()[0]).not.toContain("enough");
    await parts.loseTheRecord(); // and still nothing is sent
  });
});

it("a session that is closed while an answer flows that cannot be recorded revokes its credentials all the same", async () => {
  const { session, api, revoked, told, loseTheRecord } = await scene();
  const response = await session.fetch(`${api.origin}/long`);
  const reading = response.text().catch((error: unknown) => error);
  await loseTheRecord();
  await expect(session.close()).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" });
  expect(await reading).toMatchObject({ code: "SESSION_CLOSED" });
  expect(revoked).toHaveLength(1);
  expect(told()).toHaveLength(1);
  expect(fatal).toEqual([]);
});

it("answers whose outcomes are written together, and cannot be, are each told to their reader and to the operator", async () => {
  const { session, api, open, told, loseTheRecord } = await scene();
  const answers = await Promise.all(Array.from({ length: 6 }, () => session.fetch(`${api.origin}/long`)));
  await loseTheRecord();
  for (const response of open) response.end("the end");
  const read = await Promise.all(
    answers.map((answer) => answer.text().catch((error: { readonly code?: string }) => error.code)),
  );
  expect(new Set(read)).toEqual(new Set(["AUDIT_INCOMPLETE"]));
  expect(told()).toHaveLength(6);
  expect(fatal).toEqual([]);
});

it("a task handed on whose record fails first is no unhandled rejection while the store is still asked", async () => {
  const whole = memoryStore();
  let lists = 0;
  let isHeld = false;
  const list: Store["approvals"]["list"] = async (filter) => {
    // The first to ask is the session that the task was handed to; its parent waits longer.
    if (isHeld && ++lists === 2) await turns(50);
    return whole.approvals.list(filter);
  };
  const { guard, session, loseTheRecord } = await scene({
    store: { ...whole, approvals: { ...whole.approvals, list } },
  });
  await guard.openSession({ parent: session, agent: { id: "helper" }, purpose: "part of it" });
  await loseTheRecord();
  isHeld = true;
  await expect(session.close({ cancelApprovals: true })).rejects.toMatchObject({ code: "AUDIT_UNAVAILABLE" });
  expect(lists).toBe(4);
  expect(fatal).toEqual([]);
});

it("an abort whose reason throws when it is looked at is recorded like any other", async () => {
  const { session, api, directory, told } = await scene();
  const response = await session.fetch(`${api.origin}/long`);
  const reason = Object.defineProperty(new Error("mine"), "cause", {
    get() {
      throw new Error("not for you");
    },
  });
  await response.body?.cancel(reason);
  expect(recordedEvents(directory).at(-1)).toMatchObject({ type: "request.aborted", error: { class: "AbortError" } });
  expect(told()).toEqual([]);
});
