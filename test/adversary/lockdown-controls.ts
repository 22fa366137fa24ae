/** What honest programs do, and what they print under the lockdown as without it. */
export interface Control {
  readonly name: string;
  readonly code: string;
  readonly prints: string;
}

export const HONEST: readonly Control[] = [
  {
    name: "files, in every way",
    code: `
      const name = "honest-" + process.pid;
      fs.writeFileSync(name, "one"); fs.appendFileSync(name, " two");
      await promisify(fs.writeFile)(name + "b", "b"); await promisify(fs.appendFile)(name + "b", "c");
      const file = fs.openSync(name, "r+"); fs.writeSync(file, "ONE", 0); fs.readSync(file, Buffer.alloc(3)); fs.fsyncSync(file); fs.closeSync(file);
      const opened = await promisify(fs.open)(name, "a"); await promisify(fs.write)(opened, "!"); await promisify(fs.close)(opened);
      await new Promise((done) => fs.createReadStream(name).on("close", done).resume());
      await new Promise((done) => fs.createWriteStream(name, { flags: "a" }).on("close", done).end("?"));
      const handle = await fs.promises.open(name, "r+");
      await handle.write("o"); await handle.sync(); await handle.stat(); fs.fsyncSync(handle.fd);
      for await (const line of handle.readLines({ start: 0 })) console.log(line);
      await fs.promises.writeFile(name, "x"); await fs.promises.appendFile(name, "y");
      console.log(fs.readFileSync(name, "utf8"), String(await fs.promises.readFile(name)), await promisify(fs.exists)(name));
      const again = await fs.promises.open(name); console.log(await again.readFile("utf8"), again.fd > 2); await again.close(); console.log(again.fd);
      fs.rmSync(name); fs.rmSync(name + "b");
      console.log(fs.readFileSync("/proc/self/status", "utf8").length > 0);`,
    prints: "oNE two!?\nxy xy true\nxy true\n-1\ntrue\n",
  },
  {
    name: "timers, contexts, workers' messages and the engine",
    code: `
      const store = new AsyncLocalStorage();
      await store.run("context", async () => { await new Promise((done) => setTimeout(done, 1)); console.log(store.getStore()); });
      const v8 = await import("node:v8"); console.log(v8.deserialize(v8.serialize({ a: 1 })).a);
      v8.setFlagsFromString("--expose-gc"); v8.setFlagsFromString("--stack-trace-limit=5");
      const { MessageChannel, receiveMessageOnPort } = await import("node:worker_threads");
      const { port1, port2 } = new MessageChannel(); port1.postMessage(1); console.log(receiveMessageOnPort(port2).message);
      console.log(Object.keys(process.binding("constants").os).length > 0);`,
    prints: "context\n1\n1\ntrue\n",
  },
  {
    name: "channels of its own",
    code: `
      diagnostics.subscribe("shop:order", (message) => console.log("order", message.id));
      diagnostics.channel("shop:order").publish({ id: 1 });
      const traced = diagnostics.tracingChannel("shop"); traced.subscribe({ start: (message) => console.log("start", message.id) });
      traced.traceSync(() => {}, { id: 2 });
      new diagnostics.Channel("shop:other").publish(1);
      console.log(diagnostics.channel("net.client.socket").hasSubscribers, diagnostics.channel("a") instanceof diagnostics.Channel);`,
    prints: "order 1\nstart 2\nfalse true\n",
  },
  {
    name: "a server of its own, and a client of it that is listed",
    code: `
      const http = await import("node:http");
      const server = http.createServer((request, response) => response.end("served " + request.url)).listen(0, "127.0.0.1");
      await new Promise((done) => server.on("listening", done));
      const url = "http://localhost:" + server.address().port + "/";
      console.log(await new Promise((done) => http.get(url + "a", (response) => response.on("data", (chunk) => done(String(chunk))))));
      console.log(await (await fetch(url + "b")).text());
      const { request } = await import("undici"); console.log(await (await request(url + "c")).body.text());
      const listed = net.connect(PORT, "127.0.0.1"); await new Promise((done) => listed.on("close", done).resume()); console.log("listed");
      server.closeAllConnections(); server.close();`,
    prints: "served /a\nserved /b\nserved /c\nlisted\n",
  },
  {
    name: "TLS to a listed name of several addresses, and a socket by path",
    code: `
      const server = net.createServer((socket) => socket.end("not TLS")).listen(0, "127.0.0.1");
      await new Promise((done) => server.on("listening", done));
      const secured = tls.connect({ host: "localhost", port: server.address().port });
      console.log(await new Promise((done) => secured.on("error", (error) => done(error.code))));
      server.close();
      try { fs.unlinkSync("/tmp/sallyport-honest.sock"); } catch {}
      const local = net.createServer((socket) => socket.end()).listen("/tmp/sallyport-honest.sock");
      await new Promise((done) => local.on("listening", done));
      await new Promise((done) => net.connect("/tmp/sallyport-honest.sock").on("close", done).resume()); console.log("by path");
      local.close();`,
    prints: "ERR_SSL_WRONG_VERSION_NUMBER\nby path\n",
  },
  {
    name: "datagrams and names of the list",
    code: `
      const server = dgram.createSocket("udp4"); await new Promise((done) => server.bind(0, "127.0.0.1", done));
      const client = dgram.createSocket("udp4");
      const heard = new Promise((done) => server.on("message", (message) => done(String(message))));
      client.send("to a name", server.address().port, "localhost"); console.log(await heard);
      client.connect(server.address().port, "localhost", () => client.send("connected"));
      console.log(await new Promise((done) => server.once("message", (message) => done(String(message)))));
      client.close(); server.close();
      const dns = await import("node:dns");
      console.log((await promisify(dns.lookup)("localhost", 4)).address, (await dns.promises.lookup("127.0.0.1")).address);`,
    prints: "to a name\nconnected\n127.0.0.1 127.0.0.1\n",
  },
  {
    name: "processes, which by default are warned of",
    code: `
      process.removeAllListeners("warning"); process.on("warning", ({ code }) => console.log(code));
      const { exec, spawnSync } = await import("node:child_process");
      console.log((await promisify(exec)("echo out")).stdout.trim(), spawnSync("true").status);
      const { Worker } = await import("node:worker_threads");
      await new Promise((done) => new Worker("0", { eval: true }).on("exit", done));
      console.log("ended");`,
    prints:
      "SALLYPORT_LOCKDOWN_CHILD\nSALLYPORT_LOCKDOWN_CHILD\nout 0\nSALLYPORT_LOCKDOWN_CHILD\nSALLYPORT_LOCKDOWN_CHILD\nended\n",
  },
];

/** Exports of Node 20, 22 and 24 that are refused; and two modules that cannot be loaded without one of them. */
export const REFUSED_EXPORTS: readonly string[] = [
  "async_hooks.createHook",
  "async_hooks.executionAsyncResource",
  "child_process._forkChild",
  "dgram._createSocketHandle",
  "dns.setServers",
  "dns/promises.setServers",
  "inspector.open",
  "inspector.waitForDebugger",
  "inspector/promises.open",
  "inspector/promises.waitForDebugger",
  "module.registerHooks",
  "module.register",
  "net._createServerHandle",
  "net._setSimultaneousAccepts",
  "net.BoundSocket",
  "process._getActiveRequests",
  "process._getActiveHandles",
  "process._debugProcess",
  "process._debugEnd",
  "process._startProfilerIdleNotifier",
  "process._stopProfilerIdleNotifier",
  "tls.setDefaultCACertificates",
  "v8.getHeapSnapshot",
  "v8.writeHeapSnapshot",
  "v8.promiseHooks",
  "v8.queryObjects",
  "v8.setHeapSnapshotNearHeapLimit",
  "domain",
  "repl",
];
