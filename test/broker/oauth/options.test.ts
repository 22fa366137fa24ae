import { expect, test } from "vitest";
import { clientCredentials, tokenExchange } from "../../../src/broker/index.js";
import { occurrences } from "../support.js";

const SECRET = "a-client-secret-in-the-options";
const authentication = { method: "client_secret_basic", secret: SECRET } as const;
const base = { issuer: "https://login.example", clientId: "crm-agent", authentication };

const pointersOf = (make: () => unknown): string[] => {
  try {
    make();
    return [];
  } catch (error) {
    expect(occurrences(SECRET, error)).toEqual([]);
    return (error as { problems: { pointer: string }[] }).problems.map(({ pointer }) => pointer);
  }
};

test("good options are accepted", () => {
  expect(pointersOf(() => clientCredentials(base))).toEqual([]);
  expect(pointersOf(() => tokenExchange(base))).toEqual([]);
});

test.each([
  "http://login.example",
  "http://127.0.0.1:1",
  "file:///etc",
  "login.example",
  "https://user@login.example",
  "https://login.example#",
  "https://login.example?tenant=1",
  "https://login.example/.well-known/openid-configuration",
  "https://login.example/{tenantid}/v2.0",
])("scenario 64: %s is no issuer", (issuer) => {
  expect(pointersOf(() => clientCredentials({ ...base, issuer }))).toEqual(["/issuer"]);
});

test("http is for loopback only, and only when allowed", () => {
  const make = (issuer: string) => () => clientCredentials({ ...base, issuer, allowInsecure: true });
  expect(pointersOf(make("http://127.0.0.1:1"))).toEqual([]);
  expect(pointersOf(make("http://login.example"))).toEqual(["/issuer"]);
  expect(pointersOf(make("http://127.0.0.1.evil.example"))).toEqual(["/issuer"]);
});

test("all problems are listed at once", () => {
  const make = () =>
    tokenExchange({
      issuer: "x",
      clientId: "",
      authentication: { method: "none" },
      formats: ["saml"],
      maxLifetimeMs: 0,
      timeoutMs: 1.5,
      endpointOrigins: ["https://a.example/path"],
      audienceParameter: "aud",
      actor: "signed",
      subjectTokenType: "jwt",
      scope: "all",
    } as never);
  expect(pointersOf(make).sort()).toEqual(
    "/audienceParameter /authentication/method /clientId /endpointOrigins/0 /formats/0 /issuer /maxLifetimeMs /scope /subjectTokenType /timeoutMs".split(
      " ",
    ),
  );
});

test.each<[string, string, object]>([
  ["a PEM without algorithm", "algorithm", { key: "-----BEGIN PRIVATE KEY-----" }],
  ["no key", "key", {}],
  ["a symmetric algorithm", "algorithm", { key: { kty: "oct", k: "AA", alg: "HS256" } }],
  ["no algorithm at all", "algorithm", { key: { kty: "oct", k: "AA" } }],
])("private_key_jwt with %s is refused", (_what, at, change) => {
  expect(
    pointersOf(() => clientCredentials({ ...base, authentication: { method: "private_key_jwt", ...change } as never })),
  ).toEqual([`/authentication/${at}`]);
});
