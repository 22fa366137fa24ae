import { inspect } from "node:util";
import { describe, expect, it, vi } from "vitest";
import { isGuardError } from "../../src/errors/guard-error.js";
import { compileAddressRule } from "../../src/request/address.js";
import type { UndiciTransportOptions } from "../../src/transport/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { answering, type Handle, proxyServer, tunnelling } from "./proxy-server.js";
import { pem, secureUpstream, toLoopback } from "./secure.js";
import { calm, errorOf, hop, later, PUBLIC_ONLY, readText, transport, under, until, upstream } from "./support.js";

const through = (url: string, options: UndiciTransportOptions = {}) =>
  transport({ lookup: toLoopback, ca: pem("one-ca.pem"), ...options, proxy: { url, ...options.proxy } });

describe("a proxy", () => {
  it("is asked for the address that was checked, and carries TLS for the name", async () => {
    const { port, seen } = await secureUpstream();
    const proxy = await proxyServer();
    const answer = await through(proxy.url).send(hop(`https://crm.example:${port}/a`), calm());
    expect(await readText(answer.body)).toBe("here");
    expect(proxy.asked).toEqual([{ authority: `127.0.0.1:${port}`, authorization: undefined }]);
    expect(seen).toMatchObject([{ servername: "crm.example", path: "/a" }]);
    expect([answer.peerAddress, answer.proxy]).toEqual(["127.0.0.1", `127.0.0.1:${proxy.port}`]);
  });

  it("is asked for a tunnel for http, too, and keeps it for the next call", async () => {
    const { port } = await upstream((_request, response) => response.end("plain"));
    const proxy = await proxyServer();
    const sender = through(proxy.url, { connectionsPerOrigin: 1 });
    for (let i = 0; i < 2; i++)
      expect(await readText((await sender.send(hop(`http://crm.example:${port}/`), calm())).body)).toBe("plain");
    expect(proxy.asked).toHaveLength(1);
  });

  it("hears of nothing that may not be reached", async () => {
    const proxy = await proxyServer();
    const sender = through(proxy.url, { lookup: async () => [{ address: "10.9.8.7", family: 4 }] });
    for (const url of ["http://rebind.example/", "https://127.0.0.1/", "http://metadata.google.internal/"]) {
      const error = await errorOf(sender.send(hop(url, { addresses: PUBLIC_ONLY }), calm()));
      expect(isGuardError(error) && error.code).toBe("ADDRESS_REFUSED");
    }
    expect(proxy.sockets).toHaveLength(0);
  });

  it("is asked for the name where it is to resolve; literals and metadata names are checked all the same", async () => {
    const { port } = await upstream((_request, response) => response.end("there"));
    const proxy = await proxyServer();
    const lookups: string[] = [];
    const lookup = async (name: string) => {
      lookups.push(name);
      return await toLoopback();
    };
    const sender = through(proxy.url, { lookup, proxy: { url: proxy.url, resolve: "proxy" } });
    const addresses = PUBLIC_ONLY;
    const answer = await sender.send(hop(`http://crm.example:${port}/`, { addresses }), calm());
    expect([await readText(answer.body), answer.peerAddress]).toEqual(["there", undefined]);
    for (const host of ["127.0.0.1", "[::1]", "metadata.google.internal"]) {
      const error = await errorOf(sender.send(hop(`http://${host}:${port}/`, { addresses }), calm()));
      expect(isGuardError(error) && error.code).toBe("ADDRESS_REFUSED");
    }
    expect(proxy.asked.map(({ authority }) => authority)).toEqual([`crm.example:${port}`]);
    expect(lookups).toEqual([]);
  });

  it("is shown its credentials, and no service is", async () => {
    const heads: string[] = [];
    const { port } = await upstream((request, response) => {
      heads.push(request.rawHeaders.join());
      response.end();
    });
    const proxy = await proxyServer();
    const credentials = { username: "agent", password: "pa:ss" };
    const sender = through(proxy.url, { proxy: { url: proxy.url, credentials } });
    await readText((await sender.send(hop(`http://crm.example:${port}/`), calm())).body);
    const authorization = `Basic ${Buffer.from("agent:pa:ss").toString("base64")}`;
    expect(proxy.asked).toMatchObject([{ authorization }]);
    expect(heads.join()).not.toMatch(/proxy|Basic/i);
  });

  it("may speak TLS itself, and is verified then", async () => {
    const { port } = await upstream((_request, response) => response.end("deep"));
    const proxy = await proxyServer(tunnelling, true);
    const trusting = through(proxy.url, { proxy: { url: proxy.url, ca: pem("one-ca.pem") } });
    expect(await readText((await trusting.send(hop(`http://crm.example:${port}/`), calm())).body)).toBe("deep");
    // The authorities of the services do not vouch for the proxy.
    const error = await errorOf(through(proxy.url).send(hop(`http://crm.example:${port}/`), calm()));
    expect(error).toMatchObject({ cause: { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" } });
  });

  it("cannot pass for the service: its certificate must be the service's", async () => {
    const impostor = await secureUpstream("stranger");
    const proxy = await proxyServer((asked, socket) => {
      asked.url = `127.0.0.1:${impostor.port}`;
      tunnelling(asked, socket);
    });
    const told = calm();
    const error = await errorOf(through(proxy.url).send(hop("https://crm.example/"), told));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" } });
    expect(told.sending.mayHaveLeft).toBe(false);
    expect(impostor.seen).toEqual([]);
  });

  it.each<[string, Handle, string]>([
    ["asks for a password", answering("HTTP/1.1 407 No\r\nproxy-authenticate: Basic\r\n\r\n"), "PROXY_REFUSED"],
    ["refuses", answering("HTTP/1.1 403 No\r\ncontent-length: 6\r\n\r\nsecret"), "PROXY_REFUSED"],
    ["redirects", answering("HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1/\r\n\r\n"), "PROXY_REFUSED"],
    ["answers before it is asked", answering("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), "PROXY_BROKEN"],
    ["talks nonsense", answering("SSH-2.0-OpenSSH\r\n"), "PROXY_BROKEN"],
    ["never ends its header", answering(`HTTP/1.1 200 OK\r\nx: ${"y".repeat(40_000)}`), "PROXY_BROKEN"],
    ["hangs up", (_asked, socket) => void socket.destroy(), "PROXY_BROKEN"],
    ["is silent", () => {}, "UND_ERR_CONNECT_TIMEOUT"],
  ])(
    "that %s is a fault of which nothing was sent, and whose words are repeated to nobody",
    async (_what, handle, code) => {
      const proxy = await proxyServer(handle);
      const proxied = { url: proxy.url, credentials: { username: "agent", password: "hunter2-hunter2" } };
      const connectTimeoutMs = code === "UND_ERR_CONNECT_TIMEOUT" ? 20 : 10_000;
      const sender = through(proxy.url, { proxy: proxied, connectTimeoutMs });
      for (const url of ["http://crm.example/", "https://crm.example/"]) {
        const told = calm();
        const error = await errorOf(sender.send(hop(url), told));
        expect(error).toMatchObject({ name: "TypeError", message: "fetch failed", cause: { code } });
        expect(told.sending.mayHaveLeft).toBe(false);
        expect(inspect(error, { depth: 9, showHidden: true })).not.toMatch(/hunter2|aHVudGVy|YWdlbnQ|secret|yyyy/);
      }
    },
  );

  it("that cannot reach one address is asked for the next, and a refusal is final", async () => {
    const { port } = await upstream((_request, response) => response.end("second"));
    const lookup = async () => ["127.0.0.3", "127.0.0.1"].map((address) => ({ address, family: 4 as const }));
    for (const [status, authorities] of [
      [502, ["127.0.0.3", "127.0.0.1"]],
      [403, ["127.0.0.3"]],
    ] as const) {
      const proxy = await proxyServer((asked, socket) => {
        if (asked.url?.startsWith("127.0.0.3")) socket.end(`HTTP/1.1 ${status} No\r\n\r\n`);
        else tunnelling(asked, socket);
      });
      const outcome = await through(proxy.url, { lookup })
        .send(hop(`http://crm.example:${port}/`), calm())
        .then(({ body }) => readText(body))
        .catch(() => "refused");
      expect(outcome).toBe(status === 502 ? "second" : "refused");
      expect(proxy.asked.map(({ authority }) => authority)).toEqual(authorities.map((ip) => `${ip}:${port}`));
    }
  });

  it("an abort while the tunnel is being opened ends the call at once, and closing the transport ends the tunnel", async () => {
    const proxy = await proxyServer((_asked, socket) => void socket.resume().on("end", () => socket.end()));
    const sender = through(proxy.url);
    const controller = new AbortController();
    const told = under(controller.signal);
    const call = errorOf(sender.send(hop("https://crm.example/"), told));
    await until(() => proxy.asked.length === 1);
    controller.abort(new Error("enough"));
    const error = await call;
    expect(error).toMatchObject({ message: "enough" });
    expect(told.sending.mayHaveLeft).toBe(false);
    await sender.close();
    await until(() => proxy.sockets.every((socket) => socket.destroyed));
  });

  it("can be for one service, or for all but one; without one nothing goes through it", async () => {
    const { port } = await upstream((_request, response) => response.end());
    const [one, other] = [await proxyServer(), await proxyServer()];
    const services = { crm: { proxy: { url: other.url } }, wiki: { proxy: false as const } };
    const sender = through(one.url, { services });
    for (const service of ["crm", "wiki", "sales"])
      await readText((await sender.send(hop(`http://x.example:${port}/`, { service }), calm())).body);
    expect([one.asked.length, other.asked.length]).toEqual([1, 1]);
    for (const name of ["HTTP_PROXY", "https_proxy", "ALL_PROXY"]) vi.stubEnv(name, one.url);
    later(() => vi.unstubAllEnvs());
    await readText((await transport({ lookup: toLoopback }).send(hop(`http://x.example:${port}/`), calm())).body);
    expect(one.asked).toHaveLength(1);
  });

  it("is checked when the transport is made, and its password shown by nothing", async () => {
    const made = through("http://proxy.example", {
      proxy: { url: "http://proxy.example", credentials: { username: "agent", password: "hunter2-hunter2" } },
    });
    const wrong = (proxy: unknown) => errorOf((async () => transport({ proxy } as UndiciTransportOptions))());
    const errors = await Promise.all([
      wrong("http://proxy.example"),
      wrong({ url: "http://agent:hunter2-hunter2@proxy.example" }),
      wrong({ url: "socks5://proxy.example", resolve: "nobody", token: "hunter2-hunter2" }),
      wrong({ url: "http://proxy.example/path", ca: "x" }),
      wrong({ url: "http://proxy.example", credentials: { username: "a:b", password: "hunter2-hunter2" } }),
      wrong({ url: "http://proxy.example", credentials: { username: "a", password: "hunter2-hunter2\r\n" } }),
    ]);
    const pointers = errors.map((error) =>
      (error as { problems: { pointer: string }[] }).problems.map(({ pointer }) => pointer).sort(),
    );
    expect(pointers).toEqual([
      ["/proxy"],
      ["/proxy/url"],
      ["/proxy/resolve", "/proxy/token", "/proxy/url"],
      ["/proxy/ca", "/proxy/url"],
      ["/proxy/credentials"],
      ["/proxy/credentials"],
    ]);
    const shown = inspect([made, errors], { depth: 20, showHidden: true });
    expect(shown).not.toMatch(/hunter2|aHVudGVy/);
  });
});

it("the record of a call through a proxy names both, and not what the proxy was shown", async () => {
  const api = await upstream((_request, response) => response.end("ok"));
  const { port } = api;
  const proxy = await proxyServer();
  const { session, guard, directory } = await testGuard({
    policy: loopbackPolicy(`http://api.example:${port}`, [
      { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**" },
    ]),
    transport: {
      lookup: toLoopback,
      proxy: { url: proxy.url, credentials: { username: "agent", password: "hunter2-hunter2" } },
    },
  });
  await (await session.fetch(`http://api.example:${port}/`)).text();
  await guard.close();
  const events = recordedEvents(directory);
  expect(events.find(({ type }) => type === "request.completed")).toMatchObject({
    http: { peer_ip: "127.0.0.1", proxy: `127.0.0.1:${proxy.port}` },
  });
  expect(JSON.stringify(events)).not.toMatch(/hunter2|aHVudGVy/);
});

it("a rule for one range holds behind a proxy as it does without", async () => {
  const { port } = await upstream((_request, response) => response.end());
  const proxy = await proxyServer();
  const addresses = compileAddressRule(["10.20.0.0/16"]);
  const error = await errorOf(through(proxy.url).send(hop(`http://crm.example:${port}/`, { addresses }), calm()));
  expect(isGuardError(error) && error.code).toBe("ADDRESS_REFUSED");
  expect(proxy.asked).toEqual([]);
});
