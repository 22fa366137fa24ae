// How much the resident memory grows while 1 GiB comes down, and goes up, masked and recorded. Run after `npm run build`.
// node --expose-gc bench/recording.js
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const GIB = 2 ** 30;
const MIB = 2 ** 20;
const chunk = Buffer.alloc(64 * 1024, '{"id":42,"note":"nothing to see here"}\n');

if (process.send === undefined) await measure();
else serve();

/** In a process of its own: its memory is not ours. */
function serve() {
  const server = createServer((request, response) => {
    if (request.method === "POST") {
      request.resume().on("end", () => response.end());
      return;
    }
    response.setHeader("content-type", "text/plain");
    let left = GIB / chunk.length;
    const write = () => {
      while (left-- > 0) if (!response.write(chunk)) return response.once("drain", write);
      response.end();
    };
    write();
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
}

async function measure() {
  const { createGuard } = await import("../dist/index.js");
  const server = fork(new URL(import.meta.url));
  const port = await new Promise((resolve) => server.once("message", resolve));
  const origin = `http://127.0.0.1:${port}`;
  const directory = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
  const rule = { id: "all", effect: "allow", service: "api", methods: ["GET", "POST"], path: "/**", record: "both" };
  const guard = await createGuard({
    policy: { version: 1, services: { api: { origins: [origin], addresses: ["127.0.0.0/8"] } }, rules: [rule] },
    audit: { directory },
    log: { debug() {}, info() {}, warn() {}, error() {} },
  });
  const session = await guard.openSession({
    principal: { id: "ada", type: "human" },
    agent: { id: "bench" },
    purpose: "benchmark",
    ttl: "1h",
  });
  const down = async (limit, seen) => {
    let bytes = 0;
    for await (const part of (await session.fetch(origin)).body) {
      bytes += part.length;
      seen(bytes);
      if (bytes >= limit) break;
    }
    return bytes;
  };
  const upWith = (fetch) => async (limit, seen) => {
    let bytes = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (bytes >= limit) return controller.close();
        bytes += chunk.length;
        seen(bytes);
        controller.enqueue(new Uint8Array(chunk));
      },
    });
    const headers = { "content-type": "application/octet-stream" };
    await (await fetch(origin, { method: "POST", body, duplex: "half", headers })).text();
    return bytes;
  };
  const runs = { down, up: upWith(session.fetch), "up, with globalThis.fetch": upWith(fetch) };
  for (const [name, run] of Object.entries(runs)) {
    await run(64 * MIB, () => undefined); // warm
    globalThis.gc?.();
    const before = process.memoryUsage().rss;
    const startedAt = performance.now();
    let most = 0;
    const bytes = await run(GIB, (seen) => {
      if (seen % (4 * MIB) < chunk.length) most = Math.max(most, process.memoryUsage().rss - before);
    });
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(
      `${name}: ${(bytes / MIB).toFixed(0)} MiB, ${(bytes / MIB / seconds).toFixed(0)} MiB/s, resident memory grew by at most ${(most / MIB).toFixed(1)} MiB`,
    );
  }
  await guard.close();
  rmSync(directory, { recursive: true, force: true });
  server.kill();
}
