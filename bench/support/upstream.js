// The server of the benchmarks, in a thread of its own so that its work is not counted as the client's.
import { once } from "node:events";
import { createServer } from "node:http";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/** A JSON answer of exactly 1 KiB, as a small internal API would give. */
const BODY = JSON.stringify({
  items: Array.from({ length: 9 }, (_, id) => ({
    id,
    name: `customer ${id}`,
    city: "Springfield",
    note: "no open cases",
  })),
  padding: "",
}).replace(/(?="}$)/, (_match, at) => "x".repeat(1024 - 2 - at));

/** Starts it; `stop` ends the thread. */
export async function startUpstream() {
  const worker = new Worker(new URL(import.meta.url));
  const [port] = await once(worker, "message");
  return { origin: `http://127.0.0.1:${port}`, stop: () => worker.terminate() };
}

if (!isMainThread && parentPort !== null) {
  const server = createServer((_request, response) => {
    response.writeHead(200, {
      "content-type": "application/json; charset=utf-8",
      "content-length": Buffer.byteLength(BODY),
      "cache-control": "no-store",
    });
    response.end(BODY);
  });
  server.keepAliveTimeout = 60_000;
  server.listen(0, "127.0.0.1", () => parentPort?.postMessage(server.address().port));
}
