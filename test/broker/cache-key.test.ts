import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cacheKey } from "../../src/broker/cache-key.js";
import { type CredentialRequest, createTokenBroker } from "../../src/broker/index.js";
import { readCredentialRequest } from "../../src/broker/oauth/grant-request.js";
import { ask, bearerOf, never, readyProvider, session } from "./support.js";

const keyOf = (change: Partial<CredentialRequest>): string => {
  const request = ask(change);
  return cacheKey(request.credential, readCredentialRequest(request));
};

describe("scenario 17: the key", () => {
  test.each<[string, Partial<CredentialRequest>, Partial<CredentialRequest>]>([
    ["fields that only join to the same text", { service: "ab", audience: "cd" }, { service: "a", audience: "bcd" }],
    ["a list split elsewhere", { scopes: ["ab", "cd"] }, { scopes: ["abcd"] }],
    ["credential", { credential: "a" }, { credential: "b" }],
    ["session", { session: session({ id: "a" }) }, { session: session({ id: "b" }) }],
    ["agent", { session: session({ agent: { id: "a" } }) }, { session: session({ agent: { id: "b" } }) }],
    [
      "run of the agent",
      { session: session({ agent: { id: "a", instance: "1" } }) },
      { session: session({ agent: { id: "a" } }) },
    ],
    [
      "tenant",
      { session: session({ principal: { id: "a", type: "human", tenant: "1" } }) },
      { session: session({ principal: { id: "a", type: "human", tenant: "2" } }) },
    ],
    [
      "issuer",
      { session: session({ principal: { id: "a", type: "human", issuer: "1" } }) },
      { session: session({ principal: { id: "a", type: "human", tenant: "1" } }) },
    ],
    [
      "kind of principal",
      { session: session({ principal: { id: "a", type: "human" } }) },
      { session: session({ principal: { id: "a", type: "service" } }) },
    ],
    ["origin", { origins: ["https://a.example"] }, { origins: ["https://b.example"] }],
    ["authorization details", { authorizationDetails: [{ type: "a" }] }, { authorizationDetails: [{ type: "b" }] }],
    ["details and none", { authorizationDetails: [] }, {}],
  ])("17: differs by %s", (_what, one, other) => {
    expect(keyOf(one)).not.toBe(keyOf(other));
  });

  test.each<[string, Partial<CredentialRequest>, Partial<CredentialRequest>]>([
    ["the order of scopes", { scopes: ["a", "b"] }, { scopes: ["b", "a"] }],
    ["spaces between scopes", { scopes: ["a  b"] }, { scopes: ["a b"] }],
    ["a scope named twice", { scopes: ["a", "a"] }, { scopes: ["a"] }],
    [
      "the order of origins",
      { origins: ["https://a.example", "https://b.example"] },
      { origins: ["https://b.example", "https://a.example"] },
    ],
    [
      "the order of members of a detail",
      { authorizationDetails: [{ type: "a", x: 1 }] },
      { authorizationDetails: [{ x: 1, type: "a" }] },
    ],
  ])("17: does not differ by %s", (_what, one, other) => {
    expect(keyOf(one)).toBe(keyOf(other));
  });

  test("17: different identities never have the same key", () => {
    const word = fc.string({ minLength: 1, maxLength: 4, unit: fc.constantFrom("a", "1", ":", "-", "[") });
    const identity = fc.record({
      service: word,
      session: word,
      principal: word,
      agent: word,
      tenant: fc.option(word, { nil: undefined }),
    });
    const keyFor = (who: {
      service: string;
      session: string;
      principal: string;
      agent: string;
      tenant: string | undefined;
    }): string =>
      keyOf({
        service: who.service,
        session: {
          id: who.session,
          principal: { id: who.principal, type: "human", ...(who.tenant === undefined ? {} : { tenant: who.tenant }) },
          agent: { id: who.agent },
        },
      });
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        expect(keyFor(one) === keyFor(other)).toBe(
          JSON.stringify(Object.entries(one)) === JSON.stringify(Object.entries(other)),
        );
      }),
    );
  });
});

describe("scenario 18: who is not named is not served", () => {
  test.each<[string, Partial<CredentialRequest>]>([
    ["session", { session: session({ id: "" }) }],
    ["principal", { session: session({ principal: { id: "", type: "human" } }) }],
    ["principal (undefined)", { session: session({ principal: { type: "human" } as never }) }],
    ["agent", { session: session({ agent: { id: "" } }) }],
    ["tenant (empty)", { session: session({ principal: { id: "a", type: "human", tenant: "" } }) }],
    ["service", { service: "" }],
  ])("18: a request without %s is refused and no provider is asked", async (_what, change) => {
    const provider = readyProvider();
    const broker = createTokenBroker({ providers: { crm: provider } });
    await expect(broker.authorise(ask(change), never)).rejects.toMatchObject({ code: "CREDENTIAL_REFUSED" });
    expect(provider.issuedTokens).toEqual([]);
  });

  test("21: the caller's lists are left as they were", async () => {
    const scopes = Object.freeze(["b", "a", "a"]);
    const origins = Object.freeze(["https://b.example", "https://a.example"]);
    await createTokenBroker({ providers: { crm: readyProvider() } }).authorise(ask({ scopes, origins }), never);
    expect([scopes, origins]).toEqual([
      ["b", "a", "a"],
      ["https://b.example", "https://a.example"],
    ]);
  });

  test("19: two brokers with the same provider and the same request share nothing", async () => {
    const provider = readyProvider();
    const brokers = [
      createTokenBroker({ providers: { crm: provider } }),
      createTokenBroker({ providers: { crm: provider } }),
    ];
    const tokens = await Promise.all(
      brokers.map(async (broker) => await bearerOf(await broker.authorise(ask(), never))),
    );
    expect(new Set(tokens).size).toBe(2);
  });
});
