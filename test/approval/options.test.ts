import { generateKeyPairSync, type JsonWebKey } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { verifyApprovals } from "../../src/approval/index.js";
import { createGuard, type OptionsError } from "../../src/index.js";
import { fileStore, memoryStore } from "../../src/store/index.js";
import { silentLog, temporaryDirectory } from "../support/guards.js";

const policy = { version: 1, services: {}, rules: [] } as const;

/** Where `createGuard` finds something wrong with these options of approvals; nowhere where it opens. */
async function wrongIn(approvals: unknown, further: object = {}): Promise<readonly string[]> {
  const directory = join(temporaryDirectory(), "audit");
  try {
    const guard = await createGuard({
      policy,
      approvals: approvals as never,
      log: silentLog(),
      audit: { directory },
      ...further,
    });
    await guard.close();
    return [];
  } catch (error) {
    expect((error as OptionsError).code, String(error)).toBe("OPTIONS_INVALID");
    // Nothing was begun that would have to be taken back.
    expect(existsSync(directory)).toBe(false);
    return (error as OptionsError).problems.map(({ pointer }) => pointer);
  }
}

describe("wrong options of approvals", () => {
  test("are told when the guard is made, all at once, each with its place, with those of its other parts", async () => {
    const approvals = {
      waitMs: -1,
      pendingTtlMs: 0,
      grantTtlMs: Number.NaN,
      denyCacheMs: "10m",
      request: {},
      directory: "ldap",
      store: { openOrJoin: () => undefined },
      quorum: [{ name: "", n: 0, from: "group:", m: 1 }, null],
      separation: { requesterMayApprove: "no", x: true },
      emergency: { from: "", who: 1 },
      reminders: { everyMs: 0, max: 0, escalateTo: "" },
      prompts: { perSession: 0, perDay: 1 },
      verify: { issuer: "", keys: [null], secret: 1 },
      onDeny: "maybe",
      onTimeout: "approve",
    };
    const found = await wrongIn(approvals, { predicateTimeoutMs: 0, other: 1 });
    expect([...found].sort()).toEqual(
      [
        ...["/other", "/predicateTimeoutMs"],
        ...["waitMs", "pendingTtlMs", "grantTtlMs", "denyCacheMs", "request", "directory", "store", "onDeny"],
        ...["quorum/0/name", "quorum/0/n", "quorum/0/from", "quorum/0/m", "quorum/1"],
        ...["separation/requesterMayApprove", "separation/x", "emergency/from", "emergency/who"],
        ...["reminders/firstAfterMs", "reminders/everyMs", "reminders/max", "reminders/escalateTo"],
        ...["prompts/perSession", "prompts/perDay", "onTimeout"],
        ...["verify/issuer", "verify/keys/0", "verify/secret"],
      ]
        .map((pointer) => (pointer.startsWith("/") ? pointer : `/approvals/${pointer}`))
        .sort(),
    );
  });

  test.each([
    ["approvals", "later", "/approvals"],
    ["quorum", {}, "/approvals/quorum"],
    ["quorum", [], "/approvals/quorum"],
    ["quorum", [{ name: "all", n: 17 }], "/approvals/quorum"],
    ["quorum", [{ name: "two of one", n: 2, from: "cfo" }], "/approvals/quorum/0/n"],
    ["separation", false, "/approvals/separation"],
    ["emergency", "group:oncall", "/approvals/emergency"],
    ["reminders", [1], "/approvals/reminders"],
    ["prompts", 20, "/approvals/prompts"],
    ["verify", "a secret that is long enough to be one", "/approvals/verify"],
    ["verify", null, "/approvals/verify"],
    ["verify", { issuer: "x", keys: {} }, "/approvals/verify/keys"],
    ["pendingTtlMs", Number.POSITIVE_INFINITY, "/approvals/pendingTtlMs"],
    ["grantTtlMs", 1e15, "/approvals/grantTtlMs"],
    // The guard's own, which nobody hands in from outside.
    ["clock", {}, "/approvals/clock"],
    ["randomId", () => "1", "/approvals/randomId"],
    ["onEvent", () => undefined, "/approvals/onEvent"],
  ])("of a shape that nobody thought of are problems, and no other errors: %s", async (key, value, pointer) => {
    expect(await wrongIn(key === "approvals" ? value : { [key]: value })).toEqual([pointer]);
  });

  test("a whole store in the place of its approvals is told where it belongs", async () => {
    const making = createGuard({
      policy,
      approvals: { store: memoryStore() as never },
      audit: { directory: "unused" },
    });
    await expect(making).rejects.toThrow(/approvals\/store: must be an approval store: give its `approvals`/);
  });

  test("and those that are right open a guard", async () => {
    const store = fileStore(temporaryDirectory());
    onTestFinished(() => store.close());
    const right = {
      request: async () => ({ kind: "pending" }),
      store: store.approvals,
      verify: { issuer: "https://approvals.example", secret: "a shared secret of 32 bytes or more" },
      waitMs: 25_000,
      pendingTtlMs: 72 * 3_600_000,
      grantTtlMs: 300_000,
      reminders: { firstAfterMs: 1, everyMs: 1, max: 1, escalateTo: "group:managers" },
      quorum: [{ name: "sec", n: 2, from: "group:sec" }],
      separation: { requesterMayApprove: false, distinctPeople: undefined },
      denyCacheMs: 600_000,
      onDeny: "auto",
    };
    expect(await wrongIn(right)).toEqual([]);
    expect(await wrongIn(undefined)).toEqual([]);
  });
});

test("a key that could verify nothing is told when it is configured", () => {
  const jwk = (pair: { publicKey: { export(options: { format: "jwk" }): JsonWebKey } }) =>
    pair.publicKey.export({ format: "jwk" });
  const p256 = jwk(generateKeyPairSync("ec", { namedCurve: "P-256" }));
  const p384 = jwk(generateKeyPairSync("ec", { namedCurve: "P-384" }));
  const ed = jwk(generateKeyPairSync("ed25519"));
  const rsa = jwk(generateKeyPairSync("rsa", { modulusLength: 2048 }));
  const short = jwk(generateKeyPairSync("rsa", { modulusLength: 1024 }));
  const problem = (key: object): string | null => {
    try {
      verifyApprovals({ issuer: "x", keys: [key as never] });
      return null;
    } catch (error) {
      return (error as OptionsError).problems.map(({ pointer, message }) => `${pointer} ${message}`).join();
    }
  };
  for (const [alg, key] of [
    ["ES256", p256],
    ["ES384", p384],
    ["EdDSA", ed],
    ["RS256", rsa],
    ["PS512", rsa],
  ] as const) {
    expect(problem({ ...key, alg, use: "sig", kid: "1" })).toBe(null);
  }
  expect(problem({ ...p256, alg: "RS256" })).toBe("/keys/0 must be a key for RS256");
  expect(problem({ ...rsa, alg: "ES256" })).toBe("/keys/0 must be a key for ES256");
  expect(problem({ ...p384, alg: "ES256" })).toBe("/keys/0 must be a key for ES256");
  expect(problem({ ...p256, crv: "secp256k1", alg: "ES256" })).toBe("/keys/0 must be a key for ES256");
  expect(problem({ ...short, alg: "PS256" })).toBe("/keys/0 must have 2048 bits at least");
  expect(problem({ ...p256, x: p256.y, alg: "ES256" })).toBe("/keys/0 is no key");
  expect(problem({ ...p256, alg: "ES256", use: "enc" })).toBe('/keys/0/use must be "sig"');
  expect(problem({ ...p256, alg: "none" })).toMatch("/keys/0/alg must be one of");
  expect(problem({ ...p256, alg: "constructor" })).toMatch("/keys/0/alg must be one of");
});

test("what the guard offers to approvers' systems opens nothing else of the desk, and nobody can put something else there", async () => {
  const guard = await createGuard({ policy, log: silentLog(), audit: { directory: temporaryDirectory() } });
  onTestFinished(() => guard.close());
  expect(Object.keys(guard.approvals)).toEqual(["decide", "get", "list", "cancel", "revoke", "wait"]);
  expect(Object.isFrozen(guard.approvals)).toBe(true);
  const { list } = guard.approvals;
  expect(await list()).toEqual([]);
});
