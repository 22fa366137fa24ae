import { generateKeyPairSync } from "node:crypto";
import { Duplex } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as approval from "../../src/approval/index.js";
import * as audit from "../../src/audit/index.js";
import * as broker from "../../src/broker/index.js";
import { systemClock } from "../../src/clock.js";
import { oidcIdentity } from "../../src/identity/index.js";
import { createGuard, type Guard, isGuardError, type OptionsError, type Session } from "../../src/index.js";
import { createMasker, createVault } from "../../src/masking/index.js";
import { compilePolicy } from "../../src/policy/index.js";
import { memoryStore } from "../../src/store/index.js";
import { silentLog } from "../support/guards.js";

/** An entry point, options that are right, and which of the objects in them have names of the caller's own choosing. */
interface EntryPoint {
  readonly name: string;
  readonly call: (options: never) => unknown;
  readonly right: () => object;
  readonly own?: readonly string[];
  /** Options that are something to be used as a whole: nobody looks into them one by one. */
  readonly whole?: readonly string[];
}

const policy = { version: 1, services: {}, rules: [] } as const;
const SECRET = "a shared secret of 32 bytes or more";
const noop = (): undefined => undefined;
const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
const jwk = { ...privateKey.export({ format: "jwk" }), alg: "ES256" };
const publicJwk = { ...publicKey.export({ format: "jwk" }), alg: "ES256" };
const stream = Duplex.from([]);
const principal = { id: "ada", type: "human", issuer: "i", tenant: "t", name: "n", email: "e", groups: ["g"] } as const;

const oauth = () => ({
  issuer: "https://login.example",
  clientId: "agent",
  authentication: { method: "private_key_jwt", key: jwk, keyId: "1", algorithm: "ES256" },
  audience: "https://crm.example",
  audienceParameter: "resource",
  formats: ["at+jwt"],
  maxLifetimeMs: 1000,
  timeoutMs: 1000,
  dpop: false,
  endpointOrigins: ["https://keys.example"],
  addresses: ["10.0.0.0/8"],
  allowInsecure: false,
  fetch,
});
const KEY = "/authentication/key";

const desk = () => ({
  request: noop,
  waitMs: 1,
  pendingTtlMs: 1,
  grantTtlMs: 1,
  denyCacheMs: 1,
  quorum: [{ name: "two", n: 2, from: "group:a" }],
  separation: { requesterMayApprove: false, distinctPeople: true },
  emergency: { from: "group:a" },
  reminders: { firstAfterMs: 1, everyMs: 1, max: 1, escalateTo: "ben" },
  prompts: { perSession: 1, perRequester: 1, perHour: 1 },
  verify: { issuer: "i", audience: "a", keys: [publicJwk], secret: SECRET },
  directory: noop,
  store: memoryStore().approvals,
});

const masker = () => ({
  detectors: ["EMAIL"],
  paths: ["/a"],
  strategies: { EMAIL: "hash" },
  custom: [{ name: "EMPLOYEE_ID", keyword: "emp-", pattern: "emp-[0-9]{4}" }],
  allow: ["x"],
  regions: ["US"],
  hashKey: SECRET,
});

const signer = { keyName: "k", publicKey: new Uint8Array(32), sign: () => new Uint8Array(64) };
const anchor = { name: "n", publish: noop };
const sink = { name: "n", write: noop, attempts: 1 };
const record = () => ({
  directory: "unused",
  signer,
  anchors: [anchor],
  sinks: [sink],
  sync: "os",
  onFailure: "deny",
});

let guard: Guard;
let session: Session;

const ENTRY_POINTS: readonly EntryPoint[] = [
  {
    name: "createGuard",
    call: createGuard,
    right: () => ({
      policy,
      predicates: { p: noop },
      predicateTimeoutMs: 1,
      identity: { verify: noop },
      credentials: { crm: { issue: noop, revoke: noop } },
      approvals: { ...desk(), onDeny: "respond" },
      masking: {
        ...masker(),
        unmaskable: "refuse",
        placeholders: {
          scope: "session",
          ttlMs: 1,
          origins: { EMAIL: ["https://a.example"] },
          fields: { EMAIL: ["to"] },
        },
      },
      audit: { ...record(), captureBytes: 1 },
      store: memoryStore(),
      transport: {
        lookup: noop,
        connectTimeoutMs: 1,
        headersTimeoutMs: 1,
        bodyTimeoutMs: 1,
        keepAliveMs: 1,
        connectionsPerOrigin: 1,
        maxInflatedBytes: 1,
        proxy: { url: "http://proxy.example:3128", resolve: "guard" },
        services: { crm: { http2: true, proxy: false, tls: { servername: "crm.example" } } },
      },
      log: silentLog(),
      clock: systemClock,
    }),
    own: ["/predicates", "/credentials", "/masking/strategies", "/transport/services"],
    whole: [
      ...["/policy", "/store", "/log", "/clock", "/identity", "/credentials/crm", "/approvals/store"],
      "/approvals/verify/keys/0",
    ],
  },
  {
    name: "openSession",
    call: (options) => guard.openSession(options),
    right: () => ({
      principal: { ...principal, claims: { a: 1 } },
      agent: { id: "a", instance: "i", version: "v", name: "n" },
      purpose: "p",
      ttl: "15m",
    }),
    own: ["/principal/claims"],
    whole: ["/principal/claims"],
  },
  { name: "createFetch", call: (options) => session.createFetch(options), right: () => ({ onDeny: "respond" }) },
  { name: "revoke", call: (options) => guard.revoke(options), right: () => ({ agent: "nobody" }) },
  {
    name: "compilePolicy",
    call: (options) => compilePolicy(policy, options),
    right: () => ({ predicates: { p: noop } }),
    own: ["/predicates"],
  },
  {
    name: "createApprovalDesk",
    call: approval.createApprovalDesk,
    right: () => ({ ...desk(), clock: systemClock, randomId: noop, onEvent: noop }),
    whole: ["/clock", "/store", "/verify/keys/0"],
  },
  { name: "verifyApprovals", call: approval.verifyApprovals, right: () => desk().verify, whole: ["/keys/0"] },
  {
    name: "approveInTerminal",
    call: approval.approveInTerminal,
    right: () => ({ input: stream, output: stream, approver: { id: "a", idp: "b" } }),
    whole: ["/input", "/output", "/approver"],
  },
  {
    name: "approveByWebhook",
    call: approval.approveByWebhook,
    right: () => ({ url: "https://a.example", secret: SECRET, allowInsecure: false, fetch, now: noop }),
  },
  {
    name: "receiveDecisions",
    call: (options) => approval.receiveDecisions({ decide: noop } as never, options),
    right: () => ({ secrets: [SECRET], idp: "i", now: noop }),
  },
  {
    name: "slackChannel",
    call: approval.slackChannel,
    right: () => ({
      token: "t",
      signingSecret: "s",
      channel: "c",
      people: noop,
      apiUrl: "https://a.example",
      allowInsecure: false,
      fetch,
      now: noop,
    }),
  },
  {
    name: "approveByCiba",
    call: approval.approveByCiba,
    right: () => ({
      issuer: "https://a.example",
      clientId: "c",
      authentication: { secret: "s" },
      loginHint: noop,
      scope: "s",
      acr: "a",
      groupsClaim: "g",
      allowInsecure: false,
      fetch,
    }),
    whole: ["/authentication"],
  },
  {
    name: "approveInBatches",
    call: (options) => approval.approveInBatches(noop as never, options),
    right: () => ({ withinMs: 1, max: 1 }),
  },
  { name: "clientCredentials", call: broker.clientCredentials, right: oauth, whole: [KEY] },
  {
    name: "tokenExchange",
    call: broker.tokenExchange,
    right: () => ({
      ...oauth(),
      actor: "signed",
      subject: { env: "A" },
      subjectAudience: ["a"],
      maxActors: 1,
      subjectTokenType: "urn:a:b",
      actorTokenType: "urn:a:b",
    }),
    whole: [KEY, "/subject"],
  },
  {
    name: "jwtBearer",
    call: broker.jwtBearer,
    right: () => ({
      ...oauth(),
      assertion: { key: jwk, keyId: "1", algorithm: "ES256", issuer: "i", subject: "s", audience: "a" },
    }),
    whole: [KEY, "/assertion/key"],
  },
  {
    name: "idJag",
    call: broker.idJag,
    right: () => ({
      ...oauth(),
      identityProvider: {
        issuer: "https://a.example",
        clientId: "c",
        authentication: { method: "client_secret_basic", secret: "s" },
        endpointOrigins: ["https://b.example"],
        subjectTokenType: "urn:a:b",
      },
    }),
    whole: [KEY],
  },
  {
    name: "githubApp",
    call: broker.githubApp,
    right: () => ({
      appId: "1",
      installationId: 1,
      key: jwk,
      repositories: ["r"],
      apiUrl: "https://a.example",
      maxLifetimeMs: 1,
      timeoutMs: 1,
      addresses: ["10.0.0.0/8"],
      allowInsecure: false,
      fetch,
    }),
    whole: ["/key"],
  },
  {
    name: "githubActionsToken",
    call: broker.githubActionsToken,
    right: () => ({ audience: "a", timeoutMs: 1, allowInsecure: false }),
  },
  {
    name: "staticSecret",
    call: broker.staticSecret,
    right: () => ({ scheme: "header", name: "x-key", prefix: "Key ", secret: "s", maxAgeMs: 1 }),
  },
  {
    name: "createTokenBroker",
    call: broker.createTokenBroker,
    right: () => ({
      providers: { a: { issue: noop } },
      clock: systemClock,
      random: noop,
      onEvent: noop,
      leases: memoryStore().credentials,
      maxCredentials: 1,
      issueDeadlineMs: 1,
    }),
    own: ["/providers"],
    whole: ["/clock", "/leases", "/providers/a"],
  },
  {
    name: "oidcIdentity",
    call: oidcIdentity,
    right: () => ({
      issuer: "https://a.example",
      audience: ["a"],
      algorithms: ["ES256"],
      clockToleranceSeconds: 5,
      groupsClaim: "g",
      tenantClaim: "t",
      principalType: "human",
      endpointOrigins: ["https://b.example"],
      addresses: ["10.0.0.0/8"],
      allowInsecure: false,
      fetch,
      clock: systemClock,
    }),
    whole: ["/clock"],
  },
  { name: "memoryStore", call: memoryStore, right: () => ({ maxApprovals: 1, maxLimits: 1, warn: noop }) },
  { name: "createMasker", call: createMasker, right: masker, own: ["/strategies"] },
  {
    name: "createVault",
    call: createVault,
    right: () => ({
      key: new Uint8Array(32),
      now: noop,
      ttlMs: 1,
      mostValues: 1,
      origins: { EMAIL: ["https://a.example"] },
    }),
    own: ["/origins"],
  },
  {
    name: "webhookSink",
    call: (options) => audit.webhookSink("https://a.example", options),
    right: () => ({
      secret: SECRET,
      attempts: 1,
      deadLetter: noop,
      types: ["a"],
      headers: { a: "b" },
      fetch,
      clock: systemClock,
    }),
    own: ["/headers"],
    whole: ["/clock"],
  },
  {
    name: "openTelemetrySink",
    call: audit.openTelemetrySink,
    right: () => ({ logger: { emit: noop }, tracer: { startSpan: noop } }),
    whole: ["/logger", "/tracer"],
  },
  {
    name: "httpAnchor",
    call: (options) => audit.httpAnchor("https://a.example", options),
    right: () => ({ headers: { a: "b" }, fetch }),
    own: ["/headers"],
  },
  {
    name: "verifyAudit",
    call: (options) => audit.verifyAudit("not-there", options),
    right: () => ({ key: ["k"], anchors: "", signal: new AbortController().signal }),
    whole: ["/signal"],
  },
  {
    name: "exportAudit",
    call: (options) => audit.exportAudit("not-there", options),
    right: () => ({
      format: "csv",
      unverified: true,
      session: "s",
      since: new Date(0),
      key: ["k"],
      anchors: "",
      signal: new AbortController().signal,
    }),
    whole: ["/signal", "/since"],
  },
];

/** Of no option at all. */
const WRONG: Readonly<Record<string, () => unknown>> = {
  null: () => null,
  "a symbol": () => Symbol("x"),
  "a big number": () => 5n,
  "what is no number": () => Number.NaN,
  "a proxy that was revoked": () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  },
};

/** Every place in options: members, entries, and what is below them. */
function placesIn(value: unknown, { own = [], whole = [] }: EntryPoint, at = ""): readonly string[] {
  if (whole.includes(at) || typeof value !== "object" || value === null) return [];
  if (!Array.isArray(value) && Object.getPrototypeOf(value) !== Object.prototype) return [];
  void own;
  return Object.keys(value).flatMap((name) => {
    const below = `${at}/${name}`;
    return [below, ...placesIn((value as Record<string, unknown>)[name], { own, whole } as EntryPoint, below)];
  });
}

/** A copy with another value at a place. */
function changed(value: unknown, path: readonly string[], define: (target: object, name: string) => void): unknown {
  const copy = (Array.isArray(value) ? [...value] : { ...(value as object) }) as Record<string, unknown>;
  const [name = "", ...rest] = path;
  if (rest.length === 0) define(copy, name);
  else copy[name] = changed(copy[name], rest, define);
  return copy;
}

/** Where an entry point finds something wrong; every other error is a fault. */
async function wrongIn({ call }: EntryPoint, options: unknown): Promise<readonly string[]> {
  try {
    await call(options as never);
    return [];
  } catch (error) {
    if (!isGuardError(error)) throw error;
    expect(error.code).toBe("OPTIONS_INVALID");
    return (error as OptionsError).problems.map(({ pointer }) => pointer);
  }
}

beforeAll(async () => {
  guard = await createGuard({
    policy,
    log: silentLog(),
    audit: { directory: `/tmp/sallyport-options-${process.pid}` },
  });
  session = await guard.openSession({ principal, agent: { id: "a" }, purpose: "p" });
});
afterAll(async () => await guard.close());

describe.each(ENTRY_POINTS)("options of $name", (entry) => {
  const places = placesIn(entry.right(), entry);

  it("are looked at, each of them", () => expect(places.length).toBeGreaterThan(0));

  it.each(Object.entries(WRONG))("that are %s are told where they stand, and nothing breaks", async (_kind, wrong) => {
    expect(await wrongIn(entry, wrong())).toEqual([""]);
    for (const pointer of places) {
      const options = changed(entry.right(), pointer.slice(1).split("/"), (target, name) => {
        (target as Record<string, unknown>)[name] = wrong();
      });
      expect([pointer, await wrongIn(entry, options)]).toEqual([pointer, [pointer]]);
    }
  });

  it("that throw when they are read are told, and nothing breaks", async () => {
    for (const pointer of places.filter((one) => !/\/\d+(?:\/|$)/.test(one))) {
      const options = changed(entry.right(), pointer.slice(1).split("/"), (target, name) =>
        Object.defineProperty(target, name, {
          enumerable: true,
          get: () => {
            throw new Error("from a getter");
          },
        }),
      );
      const found = await wrongIn(entry, options);
      expect([pointer, found.length]).toEqual([pointer, 1]);
      // What is read as a whole cannot be read as a whole.
      expect(pointer.startsWith(found[0] ?? "-")).toBe(true);
    }
  });

  it("nobody knows are told, whatever they are called, and what was meant", async () => {
    const objects = ["", ...places].filter((pointer) => {
      const value = valueAt(entry.right(), pointer);
      const isPart = typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
      return isPart && !(entry.own ?? []).includes(pointer) && !(entry.whole ?? []).includes(pointer);
    });
    for (const pointer of objects) {
      for (const name of ["xyzzy", "toString", "hasOwnProperty"]) {
        const path = `${pointer}/${name}`.slice(1).split("/");
        const options = changed(entry.right(), path, (target) => {
          (target as Record<string, unknown>)[name] = 1;
        });
        const found = await wrongIn(entry, options);
        if (!isVerbs(pointer)) expect([pointer, found]).toEqual([pointer, [`${pointer}/${name}`]]);
      }
    }
  });
});

/** Something of the caller's that is used as it is. */
const isVerbs = (pointer: string): boolean =>
  /\/(?:signer|anchors\/0|sinks\/0|keys\/0|fields|origins|strategies)$/.test(pointer);

const valueAt = (value: unknown, pointer: string): unknown =>
  pointer === ""
    ? value
    : pointer
        .slice(1)
        .split("/")
        .reduce((at, name) => (at as Record<string, unknown>)[name], value);

describe("options of a guard", () => {
  const wrong = async (options: unknown): Promise<string> => {
    try {
      const opened = await createGuard(options as never);
      await opened.close();
      return "opened";
    } catch (error) {
      expect((error as OptionsError).code).toBe("OPTIONS_INVALID");
      return (error as OptionsError).problems.map(({ pointer, message }) => `${pointer} ${message}`).join("\n");
    }
  };

  it.each<[string, unknown, RegExp]>([
    ["none at all", undefined, /^ must be an object$/],
    ["audit: 5", { policy, audit: 5 }, /^\/audit must be an object$/],
    ["masking: null", { policy, masking: null }, /^\/masking must be an object, or false$/],
    ["log: 5", { policy, log: 5 }, /^\/log must be a logger/],
    ["policy: 5", { policy: 5 }, /^\/policy must be a path/],
    [
      "a detector",
      { policy, masking: { detectors: ["EMIAL"] } },
      /^\/masking\/detectors\/0 must be .*did you mean "EMAIL"\?$/,
    ],
    [
      "options of a provider in its place",
      { policy, credentials: { crm: { secret: "s3cret" } } },
      /^\/credentials\/crm\/secret/m,
    ],
    ["a credential named with a slash", { policy, credentials: { "a/b~c": 1 } }, /^\/credentials\/a~1b~0c must/],
    ["a misspelt option", { policy, maksing: {} }, /^\/maksing is not a known option; did you mean "masking"\?$/],
  ])("say what is wrong with %s", async (_name, options, message) => {
    expect(await wrong(options)).toMatch(message);
    expect(await wrong(options)).not.toContain("s3cret");
  });

  it("say what is wrong with all of them at once", async () => {
    const found = await wrong({
      audit: 5,
      masking: { regions: [1] },
      approvals: { waitMs: -1 },
      transport: { ca: 1 },
      x: 1,
    });
    expect(found.split("\n").map((line) => line.split(" ", 1)[0])).toEqual([
      "/x",
      "/policy",
      "/approvals/waitMs",
      "/masking/regions/0",
      "/audit",
      "/transport/ca",
    ]);
  });

  it("are those that were read first, whatever a getter says later", async () => {
    let reads = 0;
    const options = {
      get onDeny() {
        reads++;
        return reads === 1 ? "respond" : "throw";
      },
    };
    const response = await session.createFetch(options as never)("https://nowhere.example/");
    expect([reads, response.status]).toEqual([1, 403]);
  });

  it("of a fetch are checked when it is made", () => {
    expect(() => session.createFetch({ onDeny: "repsond" } as never)).toThrow(/did you mean "respond"/);
    expect(() => session.client(Symbol("x") as never)).toThrow(TypeError);
    expect(() => session.run(5 as never)).toThrow('"work" must be a function');
  });

  it("do not come from Object.prototype", async () => {
    Object.defineProperty(Object.prototype, "onDeny", { value: "respond", configurable: true });
    try {
      await expect(session.createFetch({})("https://nowhere.example/")).rejects.toMatchObject({ code: "NO_SERVICE" });
    } finally {
      Reflect.deleteProperty(Object.prototype, "onDeny");
    }
  });
});
