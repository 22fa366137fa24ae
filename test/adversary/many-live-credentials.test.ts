import { describe, expect, it, onTestFinished } from "vitest";
import { type CredentialProvider, createTokenBroker, Secret } from "../../src/broker/index.js";

/*
 * Rule: a live credential never makes the library slow. What is counted is work, not time: how many texts were taken apart in
 * order to be looked for.
 */

const { signal } = new AbortController();
const tokenOf = (session: string): string => `token-of-${session}-0123456789`;

function world(provider: Partial<CredentialProvider> = {}) {
  const broker = createTokenBroker({
    providers: {
      crm: {
        issue: async ({ session }) => ({
          secret: new Secret(tokenOf(session.id)),
          placement: { in: "header", name: "authorization", prefix: "Bearer " },
          scope: [],
          unscoped: true,
          lifetimeMs: 3_600_000,
          revocable: false,
        }),
        ...provider,
      },
    },
  });
  onTestFinished(() => broker.close());
  const call = async (id: string): Promise<number> => {
    const before = broker.knownSecrets().spelled;
    const session = { id, principal: { id: "ada", type: "human" }, agent: { id: "a" } } as const;
    await broker.authorise(
      { credential: "crm", service: "crm", origins: ["https://crm.example"], session },
      { signal },
    );
    return broker.knownSecrets().spelled - before;
  };
  return { broker, call };
}

describe("a live credential", () => {
  it("costs the first call of a session the same, however many there are", async () => {
    const { broker, call } = world();
    expect(await call("session-0")).toBe(1);
    for (let i = 1; i < 1000; i++) await call(`session-${i}`);
    expect(await call("session-1000")).toBe(1);
    expect(await call("session-1000")).toBe(0);
    for (const session of ["session-0", "session-777", "session-1000"]) {
      expect(broker.knownSecrets().isIn(`"${tokenOf(session)}"`)).toBe(true);
    }
    expect(broker.knownSecrets().isIn(tokenOf("session-1001"))).toBe(false);
  });

  it("is forgotten when it has gone, and no other with it", async () => {
    const { broker, call } = world({ revoke: async () => "revoked" as const, ...{ issue: issueRevocable } });
    for (let i = 0; i < 50; i++) await call(`session-${i}`);
    const known = broker.knownSecrets();
    for (let i = 0; i < 50; i += 2) await broker.closeSession(`session-${i}`);
    for (let i = 0; i < 50; i++) expect(known.isIn(tokenOf(`session-${i}`))).toBe(i % 2 === 1);
    expect(broker.knownSecrets()).toBe(known);
    await broker.close();
    expect(known.isEmpty).toBe(true);
  });

  it("of a provider is looked for as long as the provider has it", async () => {
    let secret = "client-secret-of-monday";
    const { broker } = world({ secrets: () => [secret] });
    expect(broker.knownSecrets().isIn("client-secret-of-monday")).toBe(true);
    secret = "client-secret-of-tuesday";
    expect(broker.knownSecrets().isIn("client-secret-of-monday")).toBe(false);
    expect(broker.knownSecrets().isIn("client-secret-of-tuesday")).toBe(true);
  });

  it("that is another one's, too, is looked for until both have gone", async () => {
    const { broker } = world();
    const known = broker.knownSecrets();
    known.add("shared-by-two-sessions");
    known.add("shared-by-two-sessions");
    known.remove("shared-by-two-sessions");
    expect(known.isIn("shared-by-two-sessions")).toBe(true);
    known.remove("shared-by-two-sessions");
    expect(known.isIn("shared-by-two-sessions")).toBe(false);
  });
});

const issueRevocable: CredentialProvider["issue"] = async ({ session }) => ({
  secret: new Secret(tokenOf(session.id)),
  placement: { in: "header", name: "authorization", prefix: "Bearer " },
  scope: [],
  unscoped: true,
  lifetimeMs: 3_600_000,
  revocable: true,
});
