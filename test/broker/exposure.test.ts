import { AsyncLocalStorage } from "node:async_hooks";
import diagnosticsChannel from "node:diagnostics_channel";
import { PerformanceObserver } from "node:perf_hooks";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { type AuthorizationServer, startAuthorizationServer } from "../../examples/demo/authorization-server.js";
import type { ApprovalRequest } from "../../src/approval/index.js";
import * as brokerModule from "../../src/broker/index.js";
import { clientCredentials, Secret, staticSecret } from "../../src/broker/index.js";
import * as mainModule from "../../src/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";
import { type ResourceServer, startResourceServer } from "./resource-server.js";
import { CRM_API, everythingIn, occurrences } from "./support.js";

let as: AuthorizationServer;
let rs: ResourceServer;
beforeAll(async () => {
  as = await startAuthorizationServer({
    clients: { "crm-agent": {} },
    resources: { [CRM_API]: { scopes: ["notes:read"], format: "jwt" } },
  });
});
afterAll(() => as.close());
beforeEach(async () => {
  rs = await startResourceServer(as.issuer, CRM_API);
  onTestFinished(() => rs.close());
});

const guarded = async (dpop: boolean) => {
  const made = await testGuard({
    policy: loopbackPolicy(
      rs.origin,
      [{ id: "all", effect: "allow", service: "api", methods: ["*"], path: "/**", scopes: ["notes:read"] }],
      { credential: "crm" },
    ),
    credentials: {
      crm: clientCredentials({
        issuer: as.issuer,
        clientId: "crm-agent",
        authentication: { method: "private_key_jwt", key: as.clientKeys["crm-agent"]! },
        audience: CRM_API,
        allowInsecure: true,
        dpop,
      }),
    },
  });
  return { ...made, get: (init: RequestInit = {}) => made.session.fetch(`${rs.origin}/notes`, init) };
};
const tokenSent = (): string => rs.visits[0]!.authorization!.split(" ")[1]!;

describe("what an agent can reach", () => {
  test("76: neither the session, the answers, errors, abort reasons, modules, stores nor timings hold the token", async () => {
    const timings: unknown[] = [];
    const observer = new PerformanceObserver((list) => void timings.push(...list.getEntries()));
    observer.observe({ entryTypes: ["resource", "measure", "mark", "function"] });
    onTestFinished(() => observer.disconnect());
    const { session, guard, get, log, directory } = await guarded(false);
    const own = new AsyncLocalStorage<object>();
    const mine = {};
    const answer = await own.run(mine, async () => await session.run(async () => await get()));
    const during = [own.getStore(), mine];
    rs.intercept = (visit, response) => {
      response.writeHead(401, { "www-authenticate": `Bearer error="invalid_token", echo="${visit.authorization}"` });
      response.end(`you sent ${visit.authorization}`);
      return true;
    };
    const refused = await get();
    const texts = [await answer.text(), await refused.text(), [...answer.headers], [...refused.headers], refused.url];
    const abort = new AbortController();
    rs.intercept = () => true;
    const aborted = get({ signal: abort.signal }).catch((error: unknown) => error);
    await expect.poll(() => rs.visits.length).toBeGreaterThan(3);
    abort.abort();
    const error = await aborted;
    const denied = await session.fetch("http://127.0.0.1:9/").catch((thrown: unknown) => thrown);
    await session.close();
    const closed = await get().catch((thrown: unknown) => thrown);
    const tokens = new Set(rs.visits.map(({ authorization }) => authorization!.split(" ")[1]!));
    expect(tokens.size).toBeGreaterThan(1);
    const reachable = [session, guard, answer, refused, texts, error, denied, closed, abort.signal.reason, during];
    for (const one of tokens) {
      expect(occurrences(one, [...reachable, timings, log.lines, recordedEvents(directory)])).toEqual([]);
      expect(occurrences(one.split(".")[2]!, [...reachable, log.lines, recordedEvents(directory)])).toEqual([]);
      expect(occurrences(one, [mainModule, brokerModule])).toEqual([]);
    }
  });

  test("76: what is documented: a subscriber to diagnostics_channel sees the request and its socket, and a mark where the token will be", async () => {
    const seen: string[] = [];
    const channels = [
      "undici:request:create",
      "undici:client:sendHeaders",
      "undici:client:connected",
      "net.client.socket",
    ];
    for (const channel of channels) {
      const listen = (message: unknown): void => {
        const { request, headers } = message as { request?: { path: string; headers: unknown }; headers?: string };
        seen.push(JSON.stringify([channel, request?.path, request?.headers, headers]), everythingIn(message));
      };
      diagnosticsChannel.subscribe(channel, listen);
      onTestFinished(() => void diagnosticsChannel.unsubscribe(channel, listen));
    }
    const { get } = await guarded(false);
    await get();
    const text = seen.join("\n");
    for (const channel of channels) expect(text).toContain(`["${channel}"`);
    expect(text).toContain("/notes");
    expect(text).toMatch(/x-sallyport-credential: [0-9a-f]{32}-/);
    expect(text).not.toContain(tokenSent().split(".")[2]);
  });

  test("76: a token that is bound to a key is useless from elsewhere, however it was come by", async () => {
    await (await guarded(true)).get();
    const { authorization, dpop } = rs.visits[0]!;
    const replay = await fetch(`${rs.origin}/notes`, { headers: { authorization: authorization!, dpop: dpop! } });
    expect(replay.status).toBe(401);
  });
});

describe("a yes is for one request", () => {
  const guardedPayment = async () => {
    const asked: ApprovalRequest[] = [];
    const details: unknown[] = [];
    const api = await startUpstream();
    onTestFinished(() => api.close());
    const made = await testGuard({
      policy: loopbackPolicy(
        api.origin,
        [
          {
            id: "pay",
            effect: "approve",
            service: "api",
            methods: ["POST"],
            path: "/payments",
            authorizationDetails: [{ type: "payment", request: "{fingerprint}" }],
          },
        ],
        { credential: "bank" },
      ),
      credentials: {
        bank: {
          async issue({ authorizationDetails = [] }) {
            details.push(...authorizationDetails);
            return {
              secret: new Secret(`token-${details.length}`),
              placement: { in: "header", name: "authorization", prefix: "Bearer " },
              scope: [],
              authorizationDetails,
              lifetimeMs: 60_000,
              revocable: false,
            };
          },
        },
      },
      approvals: {
        request: async (request, control) => {
          asked.push(request);
          return asked.length === 1
            ? control.approve({ id: "boss", idp: "test" })
            : control.deny({ id: "boss", idp: "test" });
        },
      },
    });
    const pay = (cents: number): Promise<number | string> =>
      made.session
        .fetch(`${api.origin}/payments`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ cents }),
        })
        .then(
          ({ status }) => status,
          (error: unknown) => mainModule.findGuardError(error)?.code ?? String(error),
        );
    return { pay, asked, details, api };
  };

  test("75: another request than the approved one is asked about anew, and so is the same one again; each has a token of its own", async () => {
    const { pay, asked, details, api } = await guardedPayment();
    expect(await pay(100)).toBe(200);
    expect(await pay(200)).toBe("APPROVAL_DENIED");
    expect(await pay(100)).toBe("APPROVAL_DENIED");
    expect(asked.map(({ fingerprint }) => fingerprint)).toEqual([
      asked[0]?.fingerprint,
      expect.not.stringMatching(asked[0]?.fingerprint ?? ""),
      asked[0]?.fingerprint,
    ]);
    expect(details).toEqual([{ type: "payment", request: asked[0]?.fingerprint }]);
    expect(api.received).toHaveLength(1);
  });
});

test("77: a secret is in no argument, variable, title or stack of the process", async () => {
  const { session } = await testGuard({
    policy: loopbackPolicy(rs.origin, [{ id: "r", effect: "allow", service: "api", methods: ["GET"], path: "/**" }], {
      credential: "key",
    }),
    credentials: { key: staticSecret({ scheme: "bearer", secret: async () => "a-key-that-a-vault-gave" }) },
  });
  await session.fetch(`${rs.origin}/notes`);
  expect(tokenSent()).toBe("a-key-that-a-vault-gave");
  const inProcess = [process.env, process.argv, process.execArgv, process.title, new Error("here").stack];
  expect(occurrences("a-key-that-a-vault-gave", inProcess)).toEqual([]);
});
