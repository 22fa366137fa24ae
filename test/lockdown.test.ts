import { realpathSync } from "node:fs";
import { createServer as createProxy } from "node:http";
import type { AddressInfo } from "node:net";
import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { readAllowList } from "../src/lockdown/allow.js";
import {
  type BuiltLockdown,
  buildLockdown,
  GUARD,
  openTarget,
  startUpstream,
  type Target,
  type Upstream,
  world,
} from "./support/lockdown.js";

let built: BuiltLockdown;
beforeAll(async () => {
  built = await buildLockdown();
});
afterAll(() => built.remove());

let target: Target;
let api: Upstream;
beforeEach(async () => {
  target = await openTarget();
  api = await startUpstream();
});
afterEach(async () => {
  await target.close();
  await api.close();
});

/** Runs a program under the lockdown; returns what it printed. */
const run = (code: string, env: Record<string, string> = {}, flags: readonly string[] = []): Promise<string> =>
  built.run(world(target, api) + code, env, flags);

it("lets the guard out, and nobody else", async () => {
  const printed = await run(`${GUARD}
    console.log((await session.fetch(API + "/items")).status);
    console.log(await fetch(API + "/items").catch((error) => error.code));
    await guard.close();`);
  expect(printed).toContain("200\nLOCKDOWN_REFUSED\n");
  expect(api.received).toHaveLength(1);
});

it("lets the guard resolve a name, and nobody else", async () => {
  const named = GUARD.replace("origins: [API]", "origins: [NAMED]").replace(
    '"127.0.0.0/8"',
    '"127.0.0.0/8", "::1/128"',
  );
  const printed = await run(`const NAMED = API.replace("127.0.0.1", "localhost");
    ${named}
    const dns = await import("node:dns");
    const tried = async (work) => { try { await work(); return "resolved"; } catch (error) { return error.code; } };
    console.log((await session.fetch(NAMED + "/items")).status);
    console.log(await tried(() => new Promise((done, failed) => dns.lookup("secret.evil.example", (error) => error ? failed(error) : done()))));
    console.log(await tried(() => dns.promises.lookup("secret.evil.example")));
    console.log(await tried(() => dns.promises.resolve4("secret.evil.example")));
    await guard.close();`);
  expect(printed).toContain(`200\n${"LOCKDOWN_REFUSED\n".repeat(3)}`);
  expect(api.received).toHaveLength(1);
});

it("lets the guard out through its proxy, and nobody else to it", async () => {
  const asked: string[] = [];
  const proxy = createProxy().on("connect", (request, socket) => {
    asked.push(request.url ?? "");
    const far = connect(api.port, "127.0.0.1", () => {
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      far.pipe(socket).pipe(far);
    });
    for (const one of [far, socket]) one.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  const proxied = GUARD.replace("audit:", `transport: { proxy: { url: ${JSON.stringify(url)} } }, audit:`);
  const printed = await run(`${proxied}
    console.log((await session.fetch(API + "/items")).status);
    console.log(await fetch(${JSON.stringify(url)}).catch((error) => error.code));
    await guard.close();`);
  proxy.closeAllConnections();
  await new Promise((resolve) => proxy.close(resolve));
  expect(printed).toContain("200\nLOCKDOWN_REFUSED\n");
  expect(asked).toEqual([`127.0.0.1:${api.port}`]);
});

it("loads, and refuses, beside the permission model", async () => {
  const flag = process.versions.node.startsWith("20.") ? "--experimental-permission" : "--permission";
  const flags = [flag, "--allow-fs-read=*", "--allow-fs-write=*", "--no-warnings"];
  const net = Number(process.versions.node.split(".")[0]) >= 25 ? ["--allow-net"] : [];
  const printed = await run(said(`(await import("node:net")).connect(PORT, "127.0.0.1");`), {}, [...flags, ...net]);
  expect(printed).toContain("LOCKDOWN_REFUSED");
  expect(target.reached).toBe(0);
});

it("records what the guard sends, beside the permission model, where nobody may call fsync", async () => {
  const flag = process.versions.node.startsWith("20.") ? "--experimental-permission" : "--permission";
  const net = Number(process.versions.node.split(".")[0]) >= 25 ? ["--allow-net"] : [];
  const flags = [
    flag,
    "--allow-fs-read=*",
    `--allow-fs-write=${realpathSync(built.directory)}/`,
    "--no-warnings",
    ...net,
  ];
  const printed = await run(
    `${GUARD}
    console.log((await session.fetch(API + "/items")).status);
    await session.close(); await guard.close(); console.log("recorded");`,
    {},
    flags,
  );
  expect(printed).toContain("200\nrecorded\n");
});

const said = (what: string): string =>
  `try { ${what} } catch (error) { console.log(error.code, error.message); } process.on("uncaughtException", () => {});`;
const HOSTILE: readonly (readonly [string, string])[] = [
  ["the global fetch", `await fetch("http://127.0.0.1:" + PORT);`],
  [
    "a WebSocket",
    `if (!globalThis.WebSocket) throw { code: "LOCKDOWN_REFUSED", message: "SALLYPORT_LOCKDOWN_ALLOW" }; new WebSocket("ws://127.0.0.1:" + PORT);`,
  ],
  ["http.request", `(await import("node:http")).request({ host: "127.0.0.1", port: PORT }).end();`],
  ["https.get", `(await import("node:https")).get("https://127.0.0.1:" + PORT);`],
  ["http2.connect", `(await import("node:http2")).connect("http://127.0.0.1:" + PORT);`],
  ["net.connect", `(await import("node:net")).connect(PORT, "127.0.0.1");`],
  ["a named import", `const { createConnection } = await import("node:net"); createConnection({ port: PORT });`],
  ["a Socket's connect", `const { Socket } = await import("node:net"); new Socket().connect(PORT, "127.0.0.1");`],
  [
    "a subclass",
    `const { Socket } = await import("node:net"); new (class extends Socket {})().connect({ port: PORT });`,
  ],
  ["tls.connect", `(await import("node:tls")).connect(PORT, "127.0.0.1");`],
  [
    "a module required anew",
    `const { createRequire } = await import("node:module"); createRequire(import.meta.url)("net").connect(PORT);`,
  ],
  [
    "getBuiltinModule",
    `(process.getBuiltinModule ?? (await import("node:module")).createRequire(import.meta.url))("net").connect(PORT);`,
  ],
  [
    "a getter that changes its mind",
    `let n = 0; (await import("node:net")).connect({ get port() { return n++ ? PORT : 5432; }, host: "127.0.0.1" });`,
  ],
  [
    "a patched toLowerCase",
    `String.prototype.toLowerCase = () => "db.internal"; (await import("node:net")).connect(PORT, "127.0.0.1");`,
  ],
  ["a patched WeakSet", `WeakSet.prototype.has = () => true; (await import("node:net")).connect(PORT, "127.0.0.1");`],
  [
    "undici's own dispatcher",
    `const { request } = await import("undici"); await request("http://127.0.0.1:" + PORT).catch((error) => { throw error.cause ?? error; });`,
  ],
  ["a datagram", `(await import("node:dgram")).createSocket("udp4").send("x", PORT, "127.0.0.1");`],
  ["a look-up", `(await import("node:dns")).lookup("secret.evil.example", () => {});`],
  ["a look-up that promises", `await (await import("node:dns/promises")).resolveTxt("secret.evil.example");`],
  ["a resolver", `new (await import("node:dns")).Resolver();`],
  ["process.binding", `process.binding("tcp_wrap");`],
  [
    "a channel that shows sockets",
    `(await import("node:diagnostics_channel")).subscribe("undici:client:connected", () => {});`,
  ],
  ["async hooks", `(await import("node:async_hooks")).createHook({}).enable();`],
  ["the list of handles", `process._getActiveHandles();`],
  ["a debugger", `new (await import("node:inspector")).Session().connect();`],
];

it.each(HOSTILE)("refuses %s, and says what to do", async (_name, code) => {
  const printed = await run(said(code), { SALLYPORT_LOCKDOWN_ALLOW: "db.internal:5432,127.0.0.1:5432" });
  expect(printed).toMatch(/LOCKDOWN_REFUSED .*(?:SALLYPORT_LOCKDOWN_ALLOW|cannot be allowed)/s);
  expect(target.reached).toBe(0);
});

it("cannot be taken away", async () => {
  const printed = await run(
    `import net from "node:net";
     const own = net.Socket.prototype.connect;
     for (const change of [() => { net.Socket.prototype.connect = () => {}; }, () => { delete net.Socket.prototype.connect; },
       () => Object.defineProperty(net.Socket.prototype, "connect", { value: 1 }), () => { net.connect = () => {}; }]) {
       try { change(); console.log("changed"); } catch { console.log("kept"); }
     }
     console.log(net.Socket.prototype.connect === own);`,
  );
  expect(printed).toBe("kept\nkept\nkept\nkept\ntrue\n");
});

it("lets code make a guard of its own, once a session is open, that gets nowhere", async () => {
  const printed = await run(`${GUARD}
    const other = await createGuard({
      policy: { version: 1, services: { x: { origins: ["http://127.0.0.1:" + PORT], addresses: ["127.0.0.0/8"] } },
        rules: [{ id: "all", effect: "allow", service: "x", methods: ["GET"], path: "/**" }] },
      audit: { directory: "audit-other-" + process.pid },
    });
    const mine = await other.openSession({ principal: { id: "ada", type: "human" }, agent: { id: "a" }, purpose: "t" });
    await mine.fetch("http://127.0.0.1:" + PORT + "/").catch((error) => console.log((error.cause ?? error).code));
    await other.close(); await guard.close();`);
  expect(printed).toContain("LOCKDOWN_REFUSED");
  expect(target.reached).toBe(0);
});

it("lets code reach what is on the list", async () => {
  const printed = await run(
    `import net from "node:net"; net.connect(PORT, "127.0.0.1").on("close", () => console.log("closed")).resume();`,
    { SALLYPORT_LOCKDOWN_ALLOW: `127.0.0.1:${target.port}` },
  );
  expect(printed).toBe("closed\n");
  expect(target.reached).toBe(1);
});

it("warns of a worker, and of a process", async () => {
  const printed = await run(`
    import { Worker } from "node:worker_threads";
    import { spawnSync } from "node:child_process";
    spawnSync(process.execPath, ["-e", "0"]);
    new Worker("0", { eval: true });`);
  expect(printed).toContain("SALLYPORT_LOCKDOWN_CHILD] Warning: child_process.spawnSync");
  expect(printed).toContain("SALLYPORT_LOCKDOWN_CHILD] Warning: worker_threads.Worker");
});

it("refuses processes and workers where it is told to", async () => {
  const printed = await run(
    said(`(await import("node:child_process")).execSync("true");`) +
      said(`new (await import("node:worker_threads")).Worker("x");`),
    { SALLYPORT_LOCKDOWN_CHILDREN: "refuse" },
  );
  expect(printed.match(/LOCKDOWN_REFUSED/g)?.length).toBeGreaterThanOrEqual(2);
});

it("does not stop another process: that is a limit, and the warning says so", async () => {
  await run(`
    import { spawnSync } from "node:child_process";
    spawnSync(process.execPath, ["-e", "require('net').connect(" + PORT + ", '127.0.0.1').resume()"], { env: {} });`);
  expect(target.reached).toBe(1);
});

it("does not start with a list that cannot be read", async () => {
  expect(() => readAllowList("db:99999, nonsense")).toThrow(/db:99999.*\n.*nonsense/s);
  expect(await run(`console.log("started");`, { SALLYPORT_LOCKDOWN_ALLOW: "nonsense" })).not.toContain("started");
});
