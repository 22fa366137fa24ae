import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { createServer as createTlsServer } from "node:tls";
import { describe, expect, it } from "vitest";
import { type CredentialProvider, Secret } from "../../src/broker/index.js";
import type { Guard, Session } from "../../src/index.js";
import type { UndiciTransportOptions } from "../../src/transport/index.js";
import { type CarelessService, startCarelessService, type Timing } from "../support/careless-service.js";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { proxyServer } from "../transport/proxy-server.js";
import { pem, toLoopback } from "../transport/secure.js";
import { later } from "../transport/support.js";

// The rule: a connection that has carried one session's bytes never carries another session's.

/** A bearer token that says whose it is. */
const bearers: CredentialProvider = {
  async issue({ session }) {
    return {
      secret: new Secret(`token-of-${session.principal.id}-0123456789`),
      placement: { in: "header", name: "authorization", prefix: "Bearer " },
      scope: [],
      lifetimeMs: 60_000,
      revocable: false,
    };
  },
};

async function twoSessions(
  origin: string,
  transport: UndiciTransportOptions = {},
): Promise<{ ada: Session; bob: Session; guard: Guard }> {
  const { guard } = await testGuard({
    policy: loopbackPolicy(origin, [{ id: "all", effect: "allow", service: "api", methods: ["*"], path: "/**" }], {
      credential: "bearer",
    }),
    credentials: { bearer: bearers },
    masking: false,
    transport,
  });
  const open = (id: string): Promise<Session> =>
    guard.openSession({ principal: { id, type: "human" }, agent: { id: `agent-of-${id}` }, purpose: "testing" });
  return { ada: await open("ada"), bob: await open("bob"), guard };
}

const TIMINGS: readonly Timing[] = ["with the head", "a turn later", "with the first byte of the body"];

/** Bodies of one session that a careless service reads as requests. */
const SMUGGLED: readonly (readonly [string, string])[] = [
  ["a whole request", "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["two requests", "GET /smuggled HTTP/1.1\r\nhost: x\r\n\r\nDELETE /smuggled HTTP/1.1\r\nhost: x\r\n\r\n"],
  ["a request that swallows what follows", "POST /smuggled HTTP/1.1\r\nhost: x\r\ncontent-length: 120\r\n\r\n"],
  ["the beginning of a head", "GET /smuggled HTTP/1.1\r\nx-swallows: "],
];

/** In front of them, lines that such a service skips. */
const SIZES = [0, 1, 1_000, 70_000, 400_000];

/** How many turns of the event loop the other session lets pass: then the connection is idle, and could be used again. */
const PAUSES = [0, 1, 4];
const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const padded = (text: string, size: number): string =>
  size === 0 ? text : `GET /padding HTTP/1.1\r\nx: ${"y".repeat(size)}\r\n\r\n${text}`;

/** One session sends every such body, the other its own requests between them and beside them. */
async function attack(
  origin: string,
  { ada, bob }: { readonly ada: Session; readonly bob: Session },
  sizes: readonly number[],
): Promise<void> {
  for (const [[, smuggled], size, pause] of SMUGGLED.flatMap((one) =>
    sizes.flatMap((size) => PAUSES.map((pause) => [one, size, pause] as const)),
  )) {
    const body = padded(smuggled, size);
    const early = await ada.fetch(`${origin}/early`, { method: "POST", body });
    expect(await early.text()).toBe("/early for Bearer token-of-ada-0123456789");
    await turns(pause);
    const ofBob = await bob.fetch(`${origin}/of-bob?${size}`);
    expect(await ofBob.text()).toBe(`/of-bob?${size} for Bearer token-of-bob-0123456789`);
    await turns(pause);
    const ofAda = await ada.fetch(`${origin}/of-ada`);
    expect(await ofAda.text()).toBe("/of-ada for Bearer token-of-ada-0123456789");
    // And side by side.
    const both = await Promise.all([
      ada.fetch(`${origin}/early`, { method: "POST", body }),
      bob.fetch(`${origin}/of-bob`),
    ]);
    expect(await Promise.all(both.map((response) => response.text()))).toEqual([
      "/early for Bearer token-of-ada-0123456789",
      "/of-bob for Bearer token-of-bob-0123456789",
    ]);
  }
}

/** No connection has seen both, and what the bodies say has been done for nobody. */
function expectApart(service: CarelessService, obeys: boolean): void {
  for (const stream of service.received)
    expect(stream.includes("token-of-ada") && stream.includes("token-of-bob")).toBe(false);
  const carried = service.parsed.filter(({ path }) => path === "/smuggled");
  if (obeys) expect(carried).toEqual([]);
  for (const { headers, body } of carried) expect(`${[...headers]} ${body}`).not.toContain("token-of-bob");
}

describe.each([true, false])("at a service that responds before it has read the body (obeys close: %s)", (obeys) => {
  it.each(TIMINGS)("no byte of one session reaches the other, when it responds %s", async (timing) => {
    const service = await startCarelessService(timing, obeys);
    await attack(service.origin, await twoSessions(service.origin), SIZES);
    expectApart(service, obeys);
  });
});

describe("so it is", () => {
  const SOME = [0, 70_000];

  it("with TLS and a client certificate: each session has connections of its own", async () => {
    const subjects: unknown[] = [];
    const options = { key: pem("server.key"), cert: pem("server.pem"), ca: pem("one-ca.pem"), requestCert: true };
    const service = await startCarelessService("a turn later", true, (onConnection) =>
      createTlsServer(options, (socket) => {
        subjects.push(socket.getPeerCertificate().subject?.CN);
        onConnection(socket);
      }),
    );
    const origin = `https://crm.example:${service.port}`;
    const tls = { ca: pem("one-ca.pem"), cert: pem("crm-client.pem"), key: pem("crm-client.key") };
    await attack(origin, await twoSessions(origin, { lookup: toLoopback, services: { api: { tls } } }), SOME);
    expectApart(service, true);
    expect(new Set(subjects)).toEqual(new Set(["crm-client"]));
  });

  it("through a proxy: each session has tunnels of its own", async () => {
    const service = await startCarelessService("with the head", false);
    const proxy = await proxyServer();
    await attack(service.origin, await twoSessions(service.origin, { proxy: { url: proxy.url } }), SOME);
    expectApart(service, false);
    expect(proxy.asked.length).toBe(service.sockets.length);
  });

  it("with HTTP/2: one session's requests share a connection, two sessions' never", async () => {
    const users: string[][] = [];
    const server = createSecureServer({ key: pem("server.key"), cert: pem("server.pem") });
    server.on("session", (session) => {
      const seen: string[] = [];
      users.push(seen);
      session.on("error", () => {});
      session.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
        seen.push(String(headers.authorization));
        stream.on("error", () => {});
        stream.respond({ ":status": 200, "content-length": "0" });
        stream.end();
      });
      later(() => session.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    later(() => server.close());
    const origin = `https://crm.example:${(server.address() as AddressInfo).port}`;
    const transport = { lookup: toLoopback, ca: pem("one-ca.pem"), services: { api: { http2: true } } };
    const { ada, bob } = await twoSessions(origin, transport);
    for (let round = 0; round < 4; round++) {
      for (const session of [ada, bob]) {
        const response = await session.fetch(`${origin}/early`, { method: "POST", body: "GET /smuggled" });
        await response.text();
        await turns(4);
      }
    }
    expect(users.map((seen) => [...new Set(seen)])).toEqual([
      ["Bearer token-of-ada-0123456789"],
      ["Bearer token-of-bob-0123456789"],
    ]);
    expect(users.map((seen) => seen.length)).toEqual([4, 4]);
  });
});

it("a service without such an endpoint serves both sessions, each over a connection of its own", async () => {
  const service = await startCarelessService("with the head", true);
  const { ada, bob } = await twoSessions(service.origin);
  for (let round = 0; round < 5; round++) {
    for (const session of [ada, bob]) {
      await (await session.fetch(`${service.origin}/read`)).text();
      await turns(4);
    }
  }
  expect(service.parsed.map(({ connection }) => connection)).toEqual([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
});

describe("the connections of a session", () => {
  it("close with it, and nothing of it is left, however many sessions there are", async () => {
    const service = await startCarelessService("with the head", true);
    const { guard } = await twoSessions(service.origin);
    const resources = (): number =>
      process.getActiveResourcesInfo().filter((name) => /^(?:TCPSocketWrap|Timeout|TLSWrap)$/.test(name)).length;
    await turns(20);
    const before = resources();
    for (let task = 0; task < 100; task++) {
      const session = await guard.openSession({
        principal: { id: `user-${task}`, type: "human" },
        agent: { id: "agent" },
        purpose: "one request",
      });
      await (await session.fetch(`${service.origin}/read`)).text();
      await (await session.fetch(`${service.origin}/write`, { method: "POST", body: "x" })).text();
      await session.close();
    }
    while (service.sockets.some(({ destroyed }) => !destroyed)) await turns(1);
    expect(service.sockets.length).toBeGreaterThanOrEqual(100);
    await turns(20);
    expect(resources()).toBeLessThanOrEqual(before);
  });

  it("close with it while a request is being sent", async () => {
    const service = await startCarelessService("with the head", true);
    const { ada } = await twoSessions(service.origin);
    const body = new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(10)) });
    const call = ada.fetch(`${service.origin}/write`, { method: "POST", body, duplex: "half" } as RequestInit);
    const outcome = call.catch((error: { code?: string }) => error.code);
    while (service.received[0] === undefined || service.received[0] === "") await turns(1);
    await ada.close();
    expect(await outcome).toBe("SESSION_CLOSED");
    while (service.sockets.some(({ destroyed }) => !destroyed)) await turns(1);
  });
});
