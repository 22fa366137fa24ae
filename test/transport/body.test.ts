import { once } from "node:events";
import { type Transform, Writable } from "node:stream";
import { brotliCompressSync, createGzip, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChunkQueue } from "../../src/transport/chunk-queue.js";
import {
  calm,
  errorOf,
  hop,
  rawUpstream,
  readAll,
  readText,
  standstill,
  transport,
  under,
  until,
  upstream,
} from "./support.js";

const TEXT = JSON.stringify({ rows: Array.from({ length: 500 }, (_, id) => ({ id, name: `customer ${id}` })) });

/** An upstream that answers everything with these bytes under this `content-encoding`. */
const encoded = (coding: string, bytes: Uint8Array): ReturnType<typeof upstream> =>
  upstream((_request, response) => {
    response.setHeader("content-encoding", coding);
    response.end(bytes);
  });

describe("content codings", () => {
  it.each([
    ["gzip", gzipSync(TEXT)],
    ["x-gzip", gzipSync(TEXT)],
    ["GZip", gzipSync(TEXT)],
    ["deflate", deflateSync(TEXT)],
    ["deflate", deflateRawSync(TEXT)],
    ["br", brotliCompressSync(TEXT)],
    ["gzip, br", brotliCompressSync(gzipSync(TEXT))],
    ["identity, gzip", gzipSync(TEXT)],
    ["gzip", Buffer.concat([gzipSync(TEXT.slice(0, 100)), gzipSync(TEXT.slice(100))])],
  ])("%s is undone", async (coding, bytes) => {
    const { origin } = await encoded(coding, bytes);
    const response = await transport().send(hop(origin), calm());
    expect(response.coding).toBe("decoded");
    expect(response.headers).toContainEqual(["content-encoding", coding]);
    expect(await readText(response.body)).toBe(TEXT);
  });

  it.each(["compress", "gzip, compress"])("%s is handed on as it is, and called unknown", async (coding) => {
    const { origin } = await encoded(coding, Buffer.from("opaque"));
    const response = await transport().send(hop(origin), calm());
    expect(response.coding).toBe("unknown");
    expect(await readText(response.body)).toBe("opaque");
  });

  it("more than five of them are refused, as fetch refuses them", async () => {
    const { origin } = await encoded("gzip, gzip, gzip, gzip, gzip, gzip", Buffer.from("opaque"));
    const error = await errorOf(transport().send(hop(origin), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { message: expect.stringContaining("too many") } });
  });

  it("an empty body is empty in every coding", async () => {
    const { origin } = await encoded("gzip", Buffer.alloc(0));
    expect(await readText((await transport().send(hop(origin), calm())).body)).toBe("");
  });

  it.each([
    ["gzip", gzipSync(TEXT)],
    ["deflate", deflateSync(TEXT)],
    ["br", brotliCompressSync(TEXT)],
  ])("of a truncated %s body what was decoded counts, as in fetch", async (coding, bytes) => {
    const { origin } = await encoded(coding, bytes.subarray(0, bytes.length - 6));
    const { body } = await transport().send(hop(origin), calm());
    const text = await readText(body);
    expect(text.length).toBeGreaterThan(0);
    expect(TEXT.startsWith(text)).toBe(true);
  });

  it("bytes that are not what they are called break the body off", async () => {
    const { origin } = await encoded("gzip", Buffer.from("this is no gzip"));
    const { body } = await transport().send(hop(origin), calm());
    expect(await errorOf(readAll(body))).toMatchObject({ message: "terminated", cause: { code: "Z_DATA_ERROR" } });
  });

  it.each([
    ["gzip", gzipSync(Buffer.alloc(20_000_000))],
    ["gzip, gzip", gzipSync(gzipSync(Buffer.alloc(20_000_000)))],
  ])("a %s bomb breaks off at the limit", async (coding, bytes) => {
    const { origin } = await encoded(coding, bytes);
    const { body } = await transport({ maxInflatedBytes: 1_000_000 }).send(hop(origin), calm());
    let seen = 0;
    const error = await errorOf(
      (async () => {
        for (let chunk = await body?.read(); chunk; chunk = await body?.read()) seen += chunk.byteLength;
      })(),
    );
    expect(error).toMatchObject({ message: "terminated", cause: { name: "RangeError" } });
    expect(seen).toBeLessThanOrEqual(1_000_000);
  });

  it("decoding waits for the reader too", async () => {
    let sent = 0;
    const { origin } = await upstream((_request, response) => {
      response.setHeader("content-encoding", "gzip");
      const gzip: Transform = createGzip({ level: 0 });
      gzip.pipe(
        new Writable({
          write(chunk: Uint8Array, _encoding, done) {
            sent += chunk.byteLength;
            response.write(chunk, () => done());
          },
        }),
      );
      const block = Buffer.alloc(1 << 20);
      const more = (): void => void (gzip.write(block) ? setImmediate(more) : gzip.once("drain", more));
      more();
    });
    const { body } = await transport({ maxInflatedBytes: 2 ** 40 }).send(hop(origin), calm());
    await body?.read();
    await standstill(() => sent);
    expect(sent).toBeLessThan(40 << 20);
    body?.cancel();
  });
});

describe("responses without a body", () => {
  it.each([204, 205, 304])("a %i has none", async (status) => {
    const { origin } = await upstream((_request, response) => response.writeHead(status).end());
    const response = await transport().send(hop(origin), calm());
    expect(response).toMatchObject({ status, body: null, coding: "none" });
  });

  it("the answer to HEAD has none, whatever length it announces, also when it is said to be gzip", async () => {
    const { origin } = await upstream((_request, response) => {
      response.writeHead(200, { "content-length": "1234", "content-encoding": "gzip" }).end();
    });
    const response = await transport().send(hop(origin, { method: "HEAD" }), calm());
    expect(response.body).toBeNull();
    expect(response.headers).toContainEqual(["content-length", "1234"]);
  });

  it("a body where there must be none is not read to its end", async () => {
    const { origin, sockets } = await upstream((_request, response) => {
      response.socket?.write("HTTP/1.1 205 Reset\r\ncontent-length: 1000000000\r\n\r\nendless");
    });
    const response = await transport().send(hop(origin), calm());
    expect(response.body).toBeNull();
    await until(() => sockets.every((socket) => socket.destroyed));
  });

  it("an empty 200 has an empty one", async () => {
    const { origin } = await upstream((_request, response) => response.setHeader("content-length", "0").end());
    const { body } = await transport().send(hop(origin), calm());
    expect(await body?.read()).toBeNull();
    expect(await body?.read()).toBeNull();
  });
});

it("informational answers and trailers are passed over", async () => {
  const { origin } = await upstream((_request, response) => {
    response.writeEarlyHints({ link: "</a>; rel=preload" });
    response.writeProcessing();
    response.writeHead(201, "Made", { trailer: "x-sum", "set-cookie": ["a=1", "b=2"] });
    response.write("body");
    response.addTrailers({ "x-sum": "1" });
    response.end();
  });
  const response = await transport().send(hop(origin), calm());
  expect(response).toMatchObject({ status: 201, statusText: "Made" });
  expect(response.headers.filter(([name]) => name === "set-cookie")).toEqual([
    ["set-cookie", "a=1"],
    ["set-cookie", "b=2"],
  ]);
  expect(response.headers.some(([name]) => name === "x-sum" || name === "link")).toBe(false);
  expect(await readText(response.body)).toBe("body");
});

it("a header named __proto__ is a header", async () => {
  const { origin } = await rawUpstream((socket) =>
    socket.once("data", () =>
      socket.end("HTTP/1.1 200 OK\r\n__proto__: x\r\n__proto__: y\r\ncontent-length: 0\r\n\r\n"),
    ),
  );
  const { headers } = await transport().send(hop(origin), calm());
  expect(headers.slice(0, 2)).toEqual([
    ["__proto__", "x"],
    ["__proto__", "y"],
  ]);
});

it("while nobody reads, the server waits", async () => {
  let written = 0;
  const { origin } = await upstream((_request, response) => {
    const block = Buffer.alloc(64 * 1024);
    const more = (): void => {
      while (written < 200 << 20) {
        written += block.length;
        if (!response.write(block)) {
          response.once("drain", more);
          return;
        }
      }
      response.end();
    };
    more();
  });
  const { body } = await transport().send(hop(origin), calm());
  await standstill(() => written);
  expect(written).toBeLessThan(20 << 20); // what the sockets of both sides hold
  let read = 0;
  for (let chunk = await body?.read(); chunk; chunk = await body?.read()) read += chunk.byteLength;
  expect(read).toBe(200 << 20);
});

describe("a body that breaks off", () => {
  it("is an error, also when all but the last byte was there", async () => {
    const { origin } = await rawUpstream((socket) =>
      socket.once("data", () => socket.end("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nshort")),
    );
    const { body } = await transport().send(hop(origin), calm());
    const error = await errorOf(readAll(body));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "terminated" });
    expect(await errorOf(body?.read() ?? Promise.resolve())).toBe(error);
  });

  it("by a reset, while a read waits", async () => {
    const { origin } = await rawUpstream((socket) =>
      socket.once("data", () => {
        socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        setImmediate(() => socket.resetAndDestroy());
      }),
    );
    const { body } = await transport().send(hop(origin), calm());
    expect(await errorOf(readAll(body))).toMatchObject({ message: "terminated" });
  });
});

describe("an abort rejects with the signal's reason and closes the connection", () => {
  it("before anything: nothing is opened, and a streamed body is let go", async () => {
    const { origin, sockets } = await upstream(() => {});
    let cancelled: unknown;
    const body = new ReadableStream<Uint8Array>({
      cancel(reason) {
        cancelled = reason;
      },
    });
    const reason = new Error("too late");
    const sending = transport().send(hop(origin, { method: "POST", body }), under(AbortSignal.abort(reason)));
    expect(await errorOf(sending)).toBe(reason);
    expect(cancelled).toBe(reason);
    expect(sockets).toHaveLength(0);
  });

  it("while the name is looked up: the request is never sent", async () => {
    const { port, sockets } = await upstream((_request, response) => response.end());
    let answer: () => void = () => {};
    const asked = new Promise<void>((isAsked) => {
      answer = isAsked;
    });
    let release: () => void = () => {};
    const sender = transport({
      lookup: (): Promise<{ address: string; family: 4 }[]> => {
        answer();
        return new Promise((resolve) => {
          release = () => resolve([{ address: "127.0.0.1", family: 4 }]);
        });
      },
    });
    const controller = new AbortController();
    const sending = sender.send(hop(`http://slow.example:${port}/`), under(controller.signal));
    await asked;
    controller.abort("enough");
    expect(await errorOf(sending)).toBe("enough");
    release();
    await until(() => sockets.length === 1);
    await standstill(() => sockets[0]?.bytesRead ?? 0);
    expect(sockets[0]?.bytesRead).toBe(0);
  });

  it("while the answer is waited for", async () => {
    let isAsked = false;
    const { origin, sockets } = await upstream(() => {
      isAsked = true;
    });
    const controller = new AbortController();
    const sending = transport().send(hop(origin), under(controller.signal));
    await until(() => isAsked);
    controller.abort();
    expect(await errorOf(sending)).toMatchObject({ name: "AbortError" });
    await until(() => sockets[0]?.destroyed === true);
  });

  it("while a body is uploaded that never ends", async () => {
    const { origin, sockets } = await upstream((request) => request.resume());
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from("first")),
      cancel() {
        cancelled = true;
      },
    });
    const controller = new AbortController();
    const sending = transport().send(hop(origin, { method: "POST", body }), under(controller.signal));
    await until(() => (sockets[0]?.bytesRead ?? 0) > 0);
    controller.abort(new Error("stop"));
    expect(await errorOf(sending)).toMatchObject({ message: "stop" });
    await until(() => sockets[0]?.destroyed === true && cancelled);
  });

  it.each([false, true])("in the body, gzip %s, while a read waits", async (isGzip) => {
    const { origin, sockets } = await upstream((_request, response) => {
      if (isGzip) response.setHeader("content-encoding", "gzip");
      response.write(isGzip ? gzipSync("first part").subarray(0, 15) : "first part");
    });
    const controller = new AbortController();
    const { body } = await transport().send(hop(origin), under(controller.signal));
    if (!isGzip) expect(Buffer.from((await body?.read()) ?? []).toString()).toBe("first part");
    const reading = errorOf(body?.read() ?? Promise.resolve());
    const reason = new Error("stop");
    controller.abort(reason);
    expect(await reading).toBe(reason);
    await until(() => sockets[0]?.destroyed === true);
  });

  it("in a body that has arrived and was not read yet", async () => {
    const { origin } = await upstream((_request, response) => response.end("small"));
    const controller = new AbortController();
    const { body } = await transport().send(hop(origin), under(controller.signal));
    controller.abort(new Error("stop"));
    expect(await errorOf(readAll(body))).toMatchObject({ message: "stop" });
  });

  it("and after the end it has no effect", async () => {
    const { origin } = await upstream((_request, response) => response.end("small"));
    const controller = new AbortController();
    const sender = transport();
    const { body } = await sender.send(hop(origin), under(controller.signal));
    expect(await readText(body)).toBe("small");
    controller.abort(new Error("stop"));
    expect(await body?.read()).toBeNull();
  });
});

it("100 calls under one signal add one listener to it, and leave none", async () => {
  const { origin } = await upstream((_request, response) => response.end("x"));
  const { signal } = new AbortController();
  let listeners = 0;
  let most = 0;
  const counted = Object.assign(signal, {
    addEventListener(...given: Parameters<AbortSignal["addEventListener"]>): void {
      most = Math.max(most, ++listeners);
      AbortSignal.prototype.addEventListener.apply(signal, given as never);
    },
    removeEventListener(...given: Parameters<AbortSignal["removeEventListener"]>): void {
      listeners--;
      AbortSignal.prototype.removeEventListener.apply(signal, given as never);
    },
  });
  const sender = transport();
  const one = async (end: number): Promise<void> => {
    const { body } = await sender.send(hop(origin), under(counted));
    if (end % 2 === 0) await readText(body);
    else body?.cancel();
  };
  await Promise.all(Array.from({ length: 100 }, (_, i) => one(i)));
  expect(most).toBe(1);
  expect(listeners).toBe(0);
});

it("a queue gives out what it was given, in order, whatever the interleaving", async () => {
  const step = fc.oneof(fc.uint8Array({ maxLength: 40_000 }), fc.constant("read" as const));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let isPaused = false;
      let settled = 0;
      const queue = new ChunkQueue({
        pause() {
          isPaused = true;
        },
        resume() {
          isPaused = false;
        },
        stop: () => {
          throw new Error("must not stop");
        },
        settled: () => void settled++,
      });
      const given: Uint8Array[] = [];
      const got: Promise<Uint8Array | null>[] = [];
      let buffered = 0;
      let isWaiting = false;
      for (const next of steps) {
        if (next === "read") {
          if (isWaiting) continue;
          if (buffered === 0) isWaiting = true;
          const read = queue.read();
          got.push(read);
          if (!isWaiting) buffered -= (await read)?.byteLength ?? 0;
        } else {
          queue.push(next);
          given.push(next);
          if (next.byteLength === 0) continue;
          if (isWaiting) isWaiting = false;
          else buffered += next.byteLength;
        }
        expect(isPaused).toBe(buffered >= 64 * 1024);
      }
      queue.end();
      const chunks = (await Promise.all(got)).filter((chunk) => chunk !== null);
      for (let chunk = await queue.read(); chunk !== null; chunk = await queue.read()) chunks.push(chunk);
      expect(Buffer.concat(chunks).equals(Buffer.concat(given))).toBe(true);
      expect(settled).toBe(1);
    }),
    { numRuns: 50 },
  );
});

it("no rejection goes unhandled when a call fails that nobody waits for any more", async () => {
  const seen: unknown[] = [];
  const onRejection = (reason: unknown): void => void seen.push(reason);
  process.on("unhandledRejection", onRejection);
  try {
    const { origin, server } = await upstream((_request, response) => response.write("x"));
    const controller = new AbortController();
    const { body } = await transport().send(hop(origin), under(controller.signal));
    controller.abort();
    server.closeAllConnections();
    await once(server.close(), "close");
    await standstill(() => seen.length);
    expect(seen).toEqual([]);
    body?.cancel();
  } finally {
    process.off("unhandledRejection", onRejection);
  }
});
