import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import {
  type BrokerEvent,
  type CredentialLease,
  type CredentialProvider,
  createTokenBroker,
  type IssuedCredential,
  Secret,
} from "../../src/broker/index.js";
import { findGuardError, type Session } from "../../src/index.js";
import { fileStore, memoryStore } from "../../src/store/index.js";
import { startBuilt } from "../support/built-child.js";
import { loopbackPolicy, recordedEvents, silentLog, temporaryDirectory, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";
import { ask, bearerOf, never, readyProvider, settle, typesOf } from "./support.js";

const codeOf = (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => "no error",
    (error: unknown) => findGuardError(error)?.code ?? String(error),
  );

/** A guard before a service that answers at once, or only when told to. */
async function guarded(provider = readyProvider(), options: object = {}) {
  const held: (() => void)[] = [];
  let hold = false;
  const api = await startUpstream((_request, response) => {
    if (hold) held.push(() => response.end("{}"));
    else response.end("{}");
  });
  onTestFinished(() => api.close());
  const made = await testGuard({
    policy: loopbackPolicy(
      api.origin,
      [
        { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**" },
        { id: "write", effect: "approve", service: "api", methods: ["POST"], path: "/**" },
      ],
      { credential: "crm" },
    ),
    credentials: { crm: provider },
    ...options,
  });
  return {
    ...made,
    api,
    provider,
    hold: () => {
      hold = true;
      return held;
    },
  };
}

describe("the end of a session", () => {
  it("69: revokes every token once, refuses new calls and breaks off those under way", async () => {
    const { session: mine, api, provider, hold, directory } = await guarded();
    await mine.fetch(`${api.origin}/a`);
    hold();
    const under = codeOf(mine.fetch(`${api.origin}/slow`));
    await expect.poll(() => api.received.length).toBe(2);
    await Promise.all([mine.close(), mine.close()]);
    expect(await under).toBe("SESSION_CLOSED");
    expect(await codeOf(mine.fetch(`${api.origin}/a`))).toBe("SESSION_CLOSED");
    expect(provider.revoked).toEqual(provider.issuedTokens);
    expect(provider.revoked).toHaveLength(1);
    expect(recordedEvents(directory).map(({ type }) => type)).toContain("credential.revoked");
  });

  it("70: a token that cannot be revoked is named in the record, and no call of the session can use it any more", async () => {
    const provider: CredentialProvider = { ...readyProvider(), revoke: async () => "not_revocable" };
    const { session: mine, api, directory } = await guarded(provider as never);
    await mine.fetch(`${api.origin}/a`);
    await mine.close();
    const line = recordedEvents(directory).find(({ type }) => type === "credential.not_revocable");
    expect(line).toMatchObject({ credential: { kid: expect.any(String), exp: expect.any(Number) } });
    expect(await codeOf(mine.fetch(`${api.origin}/a`))).toBe("SESSION_CLOSED");

    const broker = createTokenBroker({ providers: { crm: provider } });
    const kept = await broker.authorise(ask(), never);
    const token = await bearerOf(kept);
    await broker.closeSession("session-1");
    await expect(bearerOf(kept)).rejects.toThrow(/closed/);
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ code: "SESSION_CLOSED" });
    // Until it expires, answers are searched for it.
    expect([...broker.liveSecrets()]).toContain(token);
  });
});

describe("a task that is handed on", () => {
  const handOn = async (parent: Session, guard: Awaited<ReturnType<typeof guarded>>["guard"], id: string) =>
    await guard.openSession({ parent, agent: { id }, purpose: "a part of the task" });

  it("72: ends with the session it came from, its own children too; a child's end leaves the parent working", async () => {
    const { guard, session: parent, api, provider } = await guarded();
    const [first, second] = [await handOn(parent, guard, "worker-1"), await handOn(parent, guard, "worker-2")];
    const grandchild = await handOn(second, guard, "worker-3");
    expect(first.principal).toEqual(parent.principal);
    expect(first.expiresAt.getTime()).toBeLessThanOrEqual(parent.expiresAt.getTime());
    for (const one of [parent, first, second, grandchild]) await one.fetch(`${api.origin}/a`);
    expect(new Set(provider.issuedTokens).size).toBe(4);

    await first.close();
    expect(provider.revoked).toEqual([`token-2-of-${first.id}`]);
    expect((await parent.fetch(`${api.origin}/a`)).status).toBe(200);
    await parent.close();
    for (const one of [first, second, grandchild]) {
      expect(await codeOf(one.fetch(`${api.origin}/a`))).toBe("SESSION_CLOSED");
    }
    expect([...provider.revoked].sort()).toEqual([...provider.issuedTokens].sort());
  });

  it("72: is not handed on from a session that is closed, foreign or only looks like one, nor for ever", async () => {
    const { guard, session: parent } = await guarded();
    const other = await guarded();
    expect(await codeOf(handOn(other.session, guard, "worker"))).toBe("SESSION_CLOSED");
    expect(await codeOf(handOn({ ...parent }, guard, "worker"))).toBe("SESSION_CLOSED");
    const closed = await handOn(parent, guard, "worker");
    await closed.close();
    expect(await codeOf(handOn(closed, guard, "worker"))).toBe("SESSION_CLOSED");
    let last = parent;
    for (let depth = 1; depth < 5; depth++) last = await handOn(last, guard, `worker-${depth}`);
    expect(await codeOf(handOn(last, guard, "one-too-many"))).toBe("OPTIONS_INVALID");
    expect(
      await codeOf(
        guard.openSession({ parent, principal: parent.principal, agent: { id: "x" }, purpose: "y" } as never),
      ),
    ).toBe("OPTIONS_INVALID");
  });

  it("72: the provider is told through whom the task came", async () => {
    const chains: unknown[] = [];
    const provider: CredentialProvider = {
      async issue(request): Promise<IssuedCredential> {
        chains.push([request.session.delegatedBy?.map(({ id }) => id), request.actor?.id]);
        return {
          secret: new Secret(`token-${chains.length}`),
          placement: { in: "header", name: "authorization", prefix: "Bearer " },
          scope: [],
          lifetimeMs: 60_000,
          revocable: false,
        };
      },
    };
    const { guard, session: parent, api } = await guarded(provider as never);
    const child = await handOn(parent, guard, "planner");
    await (await handOn(child, guard, "worker")).fetch(`${api.origin}/a`);
    expect(chains).toEqual([[["test-agent", "planner"], "worker"]]);
  });
});

describe("the kill switch", () => {
  it("73: ends an agent also while its requests wait for a person: nothing is sent, no token is issued afterwards", async () => {
    const answers: ((approve: boolean) => void)[] = [];
    const {
      guard,
      session: mine,
      api,
      provider,
    } = await guarded(undefined, {
      approvals: {
        request: (_request: unknown, control: { approve(by: object): unknown }) =>
          new Promise((resolve) => {
            answers.push(() => resolve(control.approve({ id: "boss", idp: "test" })));
          }),
      },
    });
    const waiting = Array.from({ length: 3 }, (_, number) =>
      codeOf(mine.fetch(`${api.origin}/write/${number}`, { method: "POST" })),
    );
    await expect.poll(() => answers.length).toBe(3);
    const other = await guard.openSession({
      principal: { id: "bea", type: "human" },
      agent: { id: "another-agent" },
      purpose: "not hit",
    });
    await guard.revoke({ agent: "test-agent" });
    for (const answer of answers) answer(true);
    expect(await Promise.all(waiting)).toEqual(Array(3).fill("SESSION_CLOSED"));
    expect([api.received.length, provider.issuedTokens.length]).toEqual([0, 0]);
    expect((await guard.approvals.list({ state: "pending" })).length).toBe(0);
    expect((await other.fetch(`${api.origin}/a`)).status).toBe(200);
  });
});

describe("what a crash leaves behind", () => {
  const isThere = async (store: { list(): Promise<readonly CredentialLease[]> }): Promise<string[]> =>
    (await store.list()).map(({ kid }) => kid);

  it("71: a credential is used only once its lease is kept, and forgotten when it is revoked or has expired", async () => {
    const store = memoryStore().credentials!;
    const provider = readyProvider();
    const broker = createTokenBroker({ providers: { crm: provider }, leases: store });
    const { facts } = await broker.authorise(ask(), never);
    expect(await isThere(store)).toEqual([facts.kid]);
    expect(JSON.stringify(await store.list())).not.toContain("token-1");
    await broker.closeSession("session-1");
    await settle();
    expect(await isThere(store)).toEqual([]);
  });

  it("71: where the lease cannot be kept, the credential is revoked and nobody gets it", async () => {
    const provider = readyProvider();
    const events: BrokerEvent[] = [];
    const broker = createTokenBroker({
      providers: { crm: provider },
      onEvent: (event) => void events.push(event),
      leases: {
        put: async () => {
          throw new Error("disk full");
        },
        remove: async () => {},
        list: async () => [],
      },
    });
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" });
    await settle();
    expect(provider.revoked).toEqual(provider.issuedTokens);
    expect(typesOf(events)).toContain("revoked");
  });

  it("71: after a kill the next start revokes what was left, by name; no secret was on the disk", {
    timeout: 60_000,
  }, async () => {
    const state = temporaryDirectory();
    const child = await startBuilt(new URL("lease-child.ts", import.meta.url), state);
    const [said] = (await once(child.stdout, "data")) as [Buffer];
    child.kill("SIGKILL");
    await once(child, "close");
    for (const file of readdirSync(state)) {
      expect(readFileSync(join(state, file), "latin1")).not.toContain("secret-that-must-not-be");
    }

    const revoked: CredentialLease[] = [];
    const vault: CredentialProvider = {
      issue: async () => {
        throw new Error("not asked");
      },
      revokeLease: async (lease) => {
        revoked.push(lease);
        return "revoked";
      },
    };
    const store = fileStore(state);
    onTestFinished(() => store.close());
    const log = silentLog();
    await testGuard({ policy: loopbackPolicy("http://127.0.0.1:9", []), credentials: { vault }, store, log });
    expect(revoked).toEqual([
      expect.objectContaining({
        lease: "lease-4711",
        kid: said.toString().trim(),
        session: "dead-session",
        agent: "bot",
      }),
    ]);
    expect(await isThere(store.credentials!)).toEqual([]);
    expect(log.lines.join()).toContain("a process that died left a credential behind");
  });

  it("71: what a living process holds is left alone; what nobody can revoke by name is told with its end", async () => {
    const store = memoryStore().credentials!;
    const lease = (change: Partial<CredentialLease>): CredentialLease => ({
      kid: "k",
      credential: "crm",
      service: "crm",
      session: "s",
      principal: "ada",
      agent: "bot",
      expiresAt: Date.now() + 60_000,
      owner: { host: "here", pid: process.pid },
      ...change,
    });
    const { hostname } = await import("node:os");
    const host = hostname();
    await store.put(lease({ kid: "mine", owner: { host, pid: process.pid } }));
    await store.put(lease({ kid: "of init", owner: { host, pid: 1 } }));
    await store.put(lease({ kid: "elsewhere", owner: { host: "another-machine", pid: 2 ** 22 + 1 } }));
    await store.put(lease({ kid: "over", expiresAt: 1, owner: { host, pid: process.pid } }));
    await store.put(lease({ kid: "dead", owner: { host, pid: 2 ** 22 + 1 } }));
    const broker = createTokenBroker({ providers: { crm: readyProvider() }, leases: store });
    const orphans = await broker.revokeOrphans();
    expect(orphans.map(({ lease: { kid }, outcome }) => [kid, outcome])).toEqual([["dead", "not_revocable"]]);
    expect(await isThere(store)).toEqual(["mine", "of init", "elsewhere"]);
  });
});
