import { describe, expect, test } from "vitest";
import { type BrokerEvent, CredentialError, createTokenBroker, type TokenBroker } from "../../src/broker/index.js";
import { type FakeClock, fakeClock } from "../support/fake-clock.js";
import {
  ask,
  bearerOf,
  never,
  readyProvider,
  type ScriptedProvider,
  scriptedProvider,
  sentWith,
  session,
  settle,
  typesOf,
} from "./support.js";

interface Bench {
  readonly clock: FakeClock;
  readonly provider: ScriptedProvider;
  readonly broker: TokenBroker;
  readonly events: BrokerEvent[];
}

/** `random` 0 puts the soft point at 70 % of the lifetime: of 100 s at 70 s, the hard one at 90 s. */
function bench(random = 0): Bench {
  const clock = fakeClock();
  const provider = scriptedProvider();
  const events: BrokerEvent[] = [];
  const broker = createTokenBroker({
    clock,
    random: () => random,
    providers: { crm: provider },
    onEvent: (event) => void events.push(event),
  });
  return { clock, provider, broker, events };
}

/** A broker that already holds token 1. */
async function warm(change: Parameters<ScriptedProvider["asked"][number]["resolve"]>[0] = {}): Promise<Bench> {
  const made = bench();
  const first = made.broker.authorise(ask(), never);
  await settle();
  made.provider.asked[0]!.resolve(change);
  await first;
  return made;
}

describe("scenarios 24 and 25: one flight per key", () => {
  test("24: a hundred cold calls are one request, and all get the same token", async () => {
    const { broker, provider } = bench();
    const calls = Array.from({ length: 100 }, () => broker.authorise(ask(), never));
    await settle();
    expect(provider.asked).toHaveLength(1);
    provider.asked[0]!.resolve();
    expect(new Set(await Promise.all((await Promise.all(calls)).map(bearerOf)))).toEqual(
      new Set(["token-1-of-session-1"]),
    );
  });

  test("24: a failure reaches all of them as the same typed error, and the next call starts afresh", async () => {
    const { broker, provider } = bench();
    const calls = Array.from({ length: 100 }, () => broker.authorise(ask(), never));
    await settle();
    provider.asked[0]!.reject(new CredentialError("malformed"));
    const outcomes = await Promise.allSettled(calls);
    const reasons = new Set(outcomes.map((outcome) => outcome.status === "rejected" && outcome.reason));
    expect(reasons.size).toBe(1);
    expect([...reasons][0]).toMatchObject({ code: "CREDENTIAL_UNAVAILABLE", reason: "malformed" });
    const next = broker.authorise(ask(), never);
    await settle();
    provider.asked[1]!.resolve();
    expect(await bearerOf(await next)).toBe("token-2-of-session-1");
  });

  test("25: the first caller's abort ends its own waiting only", async () => {
    const { broker, provider } = bench();
    const first = new AbortController();
    const calls = [broker.authorise(ask(), { signal: first.signal }), broker.authorise(ask(), never)];
    await settle();
    first.abort(new Error("first left"));
    await expect(calls[0]).rejects.toThrow("first left");
    expect(provider.asked[0]!.signal.aborted).toBe(false);
    provider.asked[0]!.resolve();
    expect(await bearerOf(await calls[1]!)).toBe("token-1-of-session-1");
  });

  test("25: the last caller's abort ends the request, and a late answer is revoked and not used", async () => {
    const { broker, provider } = bench();
    const callers = [new AbortController(), new AbortController()];
    const calls = callers.map(({ signal }) => broker.authorise(ask(), { signal }));
    await settle();
    for (const caller of callers) caller.abort();
    await Promise.allSettled(calls);
    expect(provider.asked[0]!.signal.aborted).toBe(true);
    provider.asked[0]!.resolve();
    await settle();
    expect(provider.revoked).toEqual(["token-1-of-session-1"]);
    const next = broker.authorise(ask(), never);
    await settle();
    provider.asked[1]!.resolve();
    expect(await bearerOf(await next)).toBe("token-2-of-session-1");
  });

  test("25: a signal that is already aborted sends nothing", async () => {
    const { broker, provider } = bench();
    await expect(broker.authorise(ask(), { signal: AbortSignal.abort(new Error("gone")) })).rejects.toThrow("gone");
    await settle();
    expect(provider.asked).toHaveLength(0);
  });
});

describe("scenarios 26 to 28: renewal", () => {
  test("26: after the soft point the old token is given at once and one renewal runs beside it", async () => {
    const { broker, provider, clock, events } = await warm();
    await clock.advance(69_999);
    await broker.authorise(ask(), never);
    expect(provider.asked).toHaveLength(1);
    await clock.advance(1);
    for (let call = 0; call < 10; call++) {
      expect(await bearerOf(await broker.authorise(ask(), never))).toBe("token-1-of-session-1");
    }
    await settle();
    expect(provider.asked).toHaveLength(2);
    provider.asked[1]!.resolve();
    await settle();
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe("token-2-of-session-1");
    expect(typesOf(events)).toEqual(["issued", "refreshed"]);
  });

  test("26: a failed renewal is recorded, backed off, and does not trouble the caller while the token is good", async () => {
    const { broker, provider, clock, events } = await warm();
    await clock.advance(71_000);
    await broker.authorise(ask(), never);
    await settle();
    provider.asked[1]!.reject(new CredentialError("malformed"));
    await settle();
    expect(events.at(-1)).toMatchObject({ type: "refresh_failed", reason: "malformed" });
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe("token-1-of-session-1");
    await settle();
    expect(provider.asked).toHaveLength(2);
    await clock.advance(500);
    await broker.authorise(ask(), never);
    await settle();
    expect(provider.asked).toHaveLength(3);
  });

  test("27: after the hard point the call waits for the new token, and without one fails closed", async () => {
    const { broker, provider, clock } = await warm();
    const old = await broker.authorise(ask(), never);
    await clock.advance(90_000);
    let answered = false;
    const call = broker.authorise(ask(), never).finally(() => {
      answered = true;
    });
    await settle();
    expect(answered).toBe(false);
    await clock.advance(10_001);
    provider.asked[1]!.reject(new CredentialError("malformed"));
    await expect(call).rejects.toMatchObject({ code: "CREDENTIAL_UNAVAILABLE" });
    await expect(bearerOf(old)).rejects.toThrow(/expired/);
  });

  test("28: a one-minute token serves ten calls in twenty seconds with one request", async () => {
    const { broker, provider, clock } = await warm({ lifetimeMs: 60_000 });
    for (let call = 0; call < 10; call++) {
      await clock.advance(2_000);
      await broker.authorise(ask(), never);
    }
    expect(provider.asked).toHaveLength(1);
  });

  test("28: a two-second token is used, and renewed once per lifetime", async () => {
    const { broker, provider, clock } = await warm({ lifetimeMs: 2_000 });
    for (let call = 0; call < 13; call++) {
      await clock.advance(100);
      await broker.authorise(ask(), never);
    }
    expect(provider.asked).toHaveLength(1);
    await clock.advance(200);
    await broker.authorise(ask(), never);
    await settle();
    expect(provider.asked).toHaveLength(2);
  });

  test("35: the same instant of issue does not become the same instant of renewal", async () => {
    const clock = fakeClock();
    let seed = 0;
    const provider = readyProvider();
    const broker = createTokenBroker({ clock, random: () => (seed++ % 200) / 200, providers: { crm: provider } });
    const asks = Array.from({ length: 200 }, (_, number) => ask({ session: session({ id: `s${number}` }) }));
    for (const request of asks) await broker.authorise(request, never);
    const renewedPerSecond: number[] = [];
    for (let second = 0; second < 90; second++) {
      await clock.advance(1_000);
      const before = provider.issuedTokens.length;
      for (const request of asks) await broker.authorise(request, never);
      await settle();
      renewedPerSecond.push(provider.issuedTokens.length - before);
    }
    expect(renewedPerSecond.reduce((sum, count) => sum + count, 0)).toBe(200);
    expect(Math.max(...renewedPerSecond)).toBeLessThan(30);
  });
});

describe("scenarios 32 and 34: time", () => {
  test.each([3_600_000, -3_600_000])("32: the wall clock stepping by %i ms changes no lifetime", async (step) => {
    const { broker, provider, clock } = await warm();
    clock.stepWallClock(step);
    await clock.advance(60_000);
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe("token-1-of-session-1");
    expect(provider.asked).toHaveLength(1);
    await clock.advance(30_000);
    const call = broker.authorise(ask(), never);
    await settle();
    provider.asked.at(-1)!.resolve();
    expect(await bearerOf(await call)).toBe("token-2-of-session-1");
  });

  test("34: the lifetime is counted from the request: twenty seconds on the way leave ten of thirty", async () => {
    const { broker, provider, clock } = bench();
    const call = broker.authorise(ask(), never);
    await clock.advance(20_000);
    provider.asked[0]!.resolve({ lifetimeMs: 30_000 });
    const credential = await call;
    expect(credential.facts.expiresAt - clock.now()).toBe(10_000);
    await clock.advance(10_000);
    await expect(bearerOf(credential)).rejects.toThrow(/expired/);
  });

  test("15: a lifetime of zero is one use for each caller, and nothing is kept", async () => {
    const { broker, provider } = bench();
    const call = broker.authorise(ask(), never);
    await settle();
    provider.asked[0]!.resolve({ lifetimeMs: 0 });
    const credential = await call;
    expect(await bearerOf(credential)).toBe("token-1-of-session-1");
    await expect(bearerOf(credential)).rejects.toThrow(/expired/);
    void broker.authorise(ask(), never).catch(() => {});
    await settle();
    expect(provider.asked).toHaveLength(2);
  });
});

describe("scenarios 29 to 31 and 53: what is thrown away", () => {
  test("29: invalidating after a 401 fetches another token, once for all who had the old one", async () => {
    const { broker, provider, events } = await warm();
    const olds = await Promise.all(Array.from({ length: 20 }, () => broker.authorise(ask(), never)));
    olds[0]!.invalidate();
    const call = broker.authorise(ask(), never);
    await settle();
    provider.asked[1]!.resolve();
    expect(await bearerOf(await call)).toBe("token-2-of-session-1");
    for (const old of olds) old.invalidate();
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe("token-2-of-session-1");
    expect(provider.asked).toHaveLength(2);
    expect(typesOf(events)).toEqual(["issued", "invalidated", "issued"]);
  });

  test("31: a renewal that began before the invalidation is discarded and revoked", async () => {
    const { broker, provider, clock } = await warm();
    await clock.advance(71_000);
    const old = await broker.authorise(ask(), never);
    await settle();
    old.invalidate();
    const call = broker.authorise(ask(), never);
    await settle();
    expect(provider.asked).toHaveLength(3);
    provider.asked[2]!.resolve();
    expect(await bearerOf(await call)).toBe("token-3-of-session-1");
    provider.asked[1]!.resolve();
    await settle();
    expect(provider.revoked).toEqual(["token-2-of-session-1"]);
    expect(await bearerOf(await broker.authorise(ask(), never))).toBe("token-3-of-session-1");
  });

  test("30: a request that ends after its session was closed is revoked and never handed out", async () => {
    const { broker, provider, events } = bench();
    const call = broker.authorise(ask(), never);
    await settle();
    const closing = broker.closeSession("session-1");
    await expect(call).rejects.toMatchObject({ code: "SESSION_CLOSED" });
    await closing;
    provider.asked[0]!.resolve();
    await settle();
    expect(provider.revoked).toEqual(["token-1-of-session-1"]);
    expect(typesOf(events)).toEqual(["revoked"]);
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ code: "SESSION_CLOSED" });
    expect([...broker.liveSecrets()]).toEqual([]);
  });

  test("30: an answer that arrives in the very moment of closing is revoked too", async () => {
    const { broker, provider } = bench();
    const call = broker.authorise(ask(), never);
    await settle();
    provider.asked[0]!.resolve();
    const closing = broker.closeSession("session-1");
    await expect(call).rejects.toMatchObject({ code: "SESSION_CLOSED" });
    await closing;
    await settle();
    expect(provider.revoked).toEqual(["token-1-of-session-1"]);
  });
});

describe("scenarios 22 and 69: bounds and ends", () => {
  test("22: beyond the bound the longest unused credential is revoked and never handed out again", async () => {
    const provider = readyProvider();
    const broker = createTokenBroker({ providers: { crm: provider }, maxCredentials: 3 });
    const requestOf = (number: number) => ask({ session: session({ id: `s${number}` }) });
    for (const number of [1, 2, 3, 1, 4]) await broker.authorise(requestOf(number), never);
    await settle();
    expect(provider.revoked).toEqual(["token-2-of-s2"]);
    expect(await bearerOf(await broker.authorise(requestOf(2), never))).toBe("token-5-of-s2");
  });

  test("22: credentials that cannot be revoked, and that services refuse, do not fill the memory until they expire", async () => {
    const provider = { ...readyProvider({ revocable: false, lifetimeMs: 3_600_000 }), revoke: undefined };
    const broker = createTokenBroker({ providers: { crm: provider as never }, maxCredentials: 5 });
    for (let number = 0; number < 40; number++) {
      await broker.authorise(ask({ session: session({ id: `s${number}` }) }), never);
      (await broker.authorise(ask({ service: `of ${number % 2}` }), never)).invalidate();
      await settle();
    }
    // As many as are held, and as many again that nobody is handed any more.
    expect([...broker.liveSecrets()].length).toBeLessThanOrEqual(10);
    expect(provider.issuedTokens.length).toBeGreaterThan(50);
  });

  test("69: closing the broker revokes everything once, and then it is closed", async () => {
    const provider = readyProvider();
    const broker = createTokenBroker({ providers: { crm: provider } });
    for (const id of ["a", "b", "c"]) await broker.authorise(ask({ session: session({ id }) }), never);
    await Promise.all([broker.close(), broker.close()]);
    expect(provider.revoked.sort()).toEqual(["token-1-of-a", "token-2-of-b", "token-3-of-c"]);
    await expect(broker.authorise(ask(), never)).rejects.toMatchObject({ code: "GUARD_CLOSED" });
  });

  test("70: a session's end does not wait longer than its deadline for an issuer that hangs", async () => {
    const clock = fakeClock();
    const events: BrokerEvent[] = [];
    const provider = { ...readyProvider(), revoke: () => new Promise<never>(() => {}) };
    const broker = createTokenBroker({
      clock,
      providers: { crm: provider },
      onEvent: (event) => void events.push(event),
    });
    await broker.authorise(ask(), never);
    const closing = broker.closeSession("session-1", { deadlineMs: 1_000 });
    await clock.advance(1_000);
    await closing;
    await settle();
    expect(typesOf(events)).toEqual(["issued", "revocation_failed"]);
    // It still works, so answers are still searched for it, until it expires.
    expect([...broker.liveSecrets()]).toEqual(["token-1-of-session-1"]);
    await clock.advance(100_000);
    expect([...broker.liveSecrets()]).toEqual([]);
  });

  test("a listener that throws breaks neither issuing nor revoking", async () => {
    const provider = readyProvider();
    const broker = createTokenBroker({
      providers: { crm: provider },
      onEvent: () => {
        throw new Error("listener");
      },
    });
    await broker.authorise(ask(), never);
    await broker.closeSession("session-1");
    expect(provider.revoked).toHaveLength(1);
  });
});

describe("scenarios 4 and 61: what a credential is good for", () => {
  test("4: a custom provider that grants more than was asked is refused and its credential revoked", async () => {
    const provider = readyProvider({ scope: ["admin", "read"] });
    const events: BrokerEvent[] = [];
    const broker = createTokenBroker({ providers: { crm: provider }, onEvent: (event) => void events.push(event) });
    await expect(broker.authorise(ask({ scopes: ["read"] }), never)).rejects.toMatchObject({ reason: "widened" });
    await settle();
    expect(provider.revoked).toHaveLength(1);
    expect(typesOf(events)).toEqual(expect.arrayContaining(["scope_widened", "revoked", "refused"]));
  });

  test.each([
    "https://crm.internal.example@evil.example/",
    "https://user@crm.internal.example/",
    "https://crm.internal.example./",
    "https://crm.internal.example:8443/",
    "http://crm.internal.example/",
    "https://crm.internal.example.evil.example/",
    "https://xn--crm-.internal.example/",
    "https://[::1]/",
    "https://2130706433/",
    "not a url",
  ])("61: it is not given for %s", async (url) => {
    const { broker } = await warm();
    const credential = await broker.authorise(ask(), never);
    await expect(sentWith(credential, url)).rejects.toThrow(CredentialError);
  });

  test("61: it is given for its own origin in any spelling", async () => {
    const { broker } = await warm();
    const credential = await broker.authorise(ask(), never);
    const { headers } = await sentWith(credential, "HTTPS://CRM.internal.EXAMPLE:443/api");
    expect(headers).toEqual([["authorization", "Bearer token-1-of-session-1"]]);
  });

  test("61: a wildcard binds nothing: only the exact origins beside it do", async () => {
    const broker = createTokenBroker({ providers: { crm: readyProvider() } });
    const origins = ["https://*.saas.example", "https://a.saas.example"];
    const credential = await broker.authorise(ask({ origins }), never);
    expect((await sentWith(credential, "https://a.saas.example/")).headers).toHaveLength(1);
    await expect(sentWith(credential, "https://b.saas.example/")).rejects.toThrow(CredentialError);
    await expect(broker.authorise(ask({ origins: ["https://*.saas.example"] }), never)).rejects.toMatchObject({
      reason: "misconfigured",
    });
  });
});

test("wrong options are all listed at once", () => {
  expect(() => createTokenBroker({ providers: { a: {} as never }, maxCredentials: 0, x: 1 } as never)).toThrow(
    expect.objectContaining({
      code: "OPTIONS_INVALID",
      problems: [{ pointer: "/x" }, { pointer: "/providers/a" }, { pointer: "/maxCredentials" }].map((problem) =>
        expect.objectContaining(problem),
      ),
    }),
  );
});

test("a credential that no provider stands for is refused", async () => {
  const broker = createTokenBroker({ providers: {} });
  await expect(broker.authorise(ask({ credential: "toString" }), never)).rejects.toMatchObject({
    reason: "misconfigured",
  });
});
