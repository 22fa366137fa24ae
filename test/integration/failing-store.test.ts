import { expect, it, onTestFinished } from "vitest";
import { verifyAudit } from "../../src/audit/index.js";
import { type CredentialProvider, staticSecret } from "../../src/broker/index.js";
import { memoryStore, type Store } from "../../src/store/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

/** A store whose approvals can be switched off; its error holds what nobody may read. */
function failingStore(): { readonly store: Store; fail(): void } {
  const whole = memoryStore();
  let failing = false;
  const approvals = Object.fromEntries(
    Object.entries(whole.approvals).map(([verb, run]) => [
      verb,
      (...args: unknown[]) =>
        failing && verb !== "watch"
          ? Promise.reject(new Error("redis://user:pass@host"))
          : (run as (...args: unknown[]) => unknown)(...args),
    ]),
  );
  return {
    store: { ...whole, approvals: approvals as unknown as Store["approvals"] },
    fail: () => {
      failing = true;
    },
  };
}

async function scene() {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const { store, fail } = failingStore();
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
  const made = await testGuard({
    policy: loopbackPolicy(
      api.origin,
      [{ id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/items" }],
      { credential: "key" },
    ),
    credentials: { key },
    store,
  });
  return { ...made, api, fail, revoked };
}

it("a session that ends while the store is down ends all the same: credentials revoked, record signed", async () => {
  const { session, api, directory, fail, revoked } = await scene();
  await (await session.fetch(`${api.origin}/items`)).text();
  fail();
  const ended = await session.close().then(
    () => "closed",
    (error: unknown) => String(error),
  );
  expect(ended).toMatch(/APPROVAL_UNAVAILABLE|^closed$/);
  expect(ended).not.toContain("pass@host");
  expect(revoked).toHaveLength(1);
  expect(recordedEvents(directory).map(({ type }) => type)).toContain("session.closed");
  await expect(session.fetch(`${api.origin}/items`)).rejects.toMatchObject({ code: "SESSION_CLOSED" });
});

it("a guard that starts and closes while the store is down leaves a complete record", async () => {
  const { guard, directory, fail } = await scene();
  fail();
  await guard.close().catch(() => undefined);
  expect((await verifyAudit(directory)).verdict).toBe("COMPLETE");
});
