// What a credential costs a call: one that is there, ten thousand that ask for the same one at once, ten thousand that
// are kept. Run after `npm run build`.
// node --expose-gc bench/broker.js
import { createHash, randomUUID } from "node:crypto";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { createTokenBroker, Secret } from "../dist/broker/index.js";

const CALLS = 10_000;
const MIB = 2 ** 20;
const url = "https://crm.internal.example/api/accounts/42";
const { signal } = new AbortController();
const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** As a guard holds a session: frozen, one object for as long as it lasts. */
const sessionOf = (id) =>
  Object.freeze({
    id,
    principal: Object.freeze({
      id: "ada",
      type: "human",
      issuer: "https://login.internal.example",
      groups: ["support"],
    }),
    agent: Object.freeze({ id: "bench" }),
    subjectToken: new Secret(`subject-token-of-${id}`),
  });

/** As a compiled policy holds a rule's narrowing: frozen lists, the same ones with every decision. */
const narrowing = Object.freeze({
  audience: "https://crm.internal.example/api",
  scopes: Object.freeze(["accounts:read", "contacts:read"]),
});

const asking = (session, change = {}) => ({
  credential: "crm",
  service: "crm",
  origins: ["https://crm.internal.example"],
  session,
  ...narrowing,
  ...change,
});

/** Issues at once, without a network: it is the broker that is measured. */
function provider(change = {}) {
  const issuing = {
    requests: 0,
    async issue({ scopes }) {
      issuing.requests++;
      await new Promise((resolve) => setImmediate(resolve));
      return {
        secret: new Secret(`token-${issuing.requests}-${randomUUID()}-${randomUUID()}`),
        placement: { in: "header", name: "authorization", prefix: "Bearer " },
        scope: scopes,
        lifetimeMs: 3_600_000,
        revocable: false,
        ...change,
      };
    },
  };
  return issuing;
}

/** Median over many rounds, one call after the other. Microseconds. */
async function cost(call, { rounds = 41, times = 5_000 } = {}) {
  const taken = [];
  for (let round = 0; round < rounds; round++) {
    const startedAt = performance.now();
    for (let i = 0; i < times; i++) await call();
    taken.push(((performance.now() - startedAt) * 1000) / times);
  }
  return median(taken).toFixed(2);
}

const session = sessionOf("session-1");
const bearer = createTokenBroker({ providers: { crm: provider() } });
const get = { method: "GET", url };
const bearerCall = async () => (await bearer.authorise(asking(session), { signal })).addedFor(get);

const bound = createTokenBroker({ providers: { crm: Object.assign(provider({ bound: true }), { dpop: true }) } });
const boundCall = async () => {
  const credential = await bound.authorise(asking(session), { signal });
  return await credential.addedFor(get);
};

/** The floor of a proof: its signature, by the same library, and nothing else. */
const { privateKey, publicKey } = await generateKeyPair("ES256");
const jwk = await exportJWK(publicKey);
const ath = createHash("sha256").update("token").digest("base64url");
const signOnly = () =>
  new SignJWT({ jti: "0", htm: "GET", htu: url, iat: 0, ath })
    .setProtectedHeader({ alg: "ES256", typ: "dpop+jwt", jwk })
    .sign(privateKey);
const digest = new TextEncoder().encode("x".repeat(400));
const rawSignature = () => crypto.subtle.sign({ name: "ECDSA", hash: "SHA-256" }, privateKey, digest);

console.table({
  "bearer: authorise and its header": { µs: await cost(bearerCall) },
  "an await of a function that returns at once": { µs: await cost(async () => get) },
  "DPoP: authorise, its header and a proof": { µs: await cost(boundCall, { rounds: 11, times: 500 }) },
  "the proof's JWT alone, signed by jose": { µs: await cost(signOnly, { rounds: 11, times: 500 }) },
  "the signature alone, crypto.subtle": { µs: await cost(rawSignature, { rounds: 11, times: 500 }) },
});

const cold = provider();
const broker = createTokenBroker({ providers: { crm: cold }, maxCredentials: CALLS });
const request = asking(sessionOf("session-cold"));
const startedAt = performance.now();
await Promise.all(Array.from({ length: CALLS }, () => broker.authorise(request, { signal })));
console.log(
  `${CALLS} calls at once without a credential: ${cold.requests} token request, ${(performance.now() - startedAt).toFixed(0)} ms`,
);

globalThis.gc?.();
const before = process.memoryUsage().heapUsed;
const grown = () => {
  globalThis.gc?.();
  return ((process.memoryUsage().heapUsed - before) / MIB).toFixed(1);
};
for (let i = 0; i < CALLS; i++) await broker.authorise(asking(sessionOf(`session-${i}`)), { signal });
const kept = grown();
for (let i = CALLS; i < 3 * CALLS; i++) await broker.authorise(asking(sessionOf(`session-${i}`)), { signal });
console.log(
  `${CALLS} credentials of as many sessions are kept in ${kept} MiB; after ${2 * CALLS} more it is ${grown()} MiB`,
);

/** What looking for live credentials costs a call that brings a new one, beside so many others: microseconds. */
const beside = async (count) => {
  const one = createTokenBroker({ providers: { crm: provider() }, maxCredentials: CALLS });
  for (let i = 0; i < count; i++) await one.authorise(asking(sessionOf(`session-${i}`)), { signal });
  const taken = [];
  for (let i = 0; i < 200; i++) {
    const startedAt = performance.now();
    await one.authorise(asking(sessionOf(`further-${i}`)), { signal });
    one.knownSecrets().isIn('{"id":42,"name":"a customer"}');
    taken.push((performance.now() - startedAt) * 1000);
  }
  await one.close();
  return median(taken).toFixed(0);
};
console.table({
  "a new credential, and a first look for it, beside 10 live ones": { µs: await beside(10) },
  "beside 1,000": { µs: await beside(1_000) },
  "beside 9,000": { µs: await beside(9_000) },
});

for (const one of [bearer, bound, broker]) await one.close();
