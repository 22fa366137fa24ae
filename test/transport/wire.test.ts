import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { isGuardError } from "../../src/errors/guard-error.js";
import type { HopRequest } from "../../src/transport/index.js";
import { calm, errorOf, hop, rawUpstream, readText, standstill, transport, until, upstream } from "./support.js";

/** Sends one hop to a raw server and returns the bytes it received. */
async function onTheWire(path: string, parts: Partial<HopRequest> = {}): Promise<{ text: string; host: string }> {
  let received = "";
  const { origin } = await rawUpstream((socket) => {
    socket.on("data", (bytes) => {
      received += bytes.toString("latin1");
      const isWhole =
        parts.body instanceof ReadableStream ? received.endsWith("0\r\n\r\n") : received.includes("\r\n\r\n");
      if (isWhole) socket.end("HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    });
  });
  await transport().send({ ...hop(origin + path), ...parts }, calm());
  return { text: received, host: new URL(origin).host };
}

describe("what is on the wire is the hop, and nothing else but host and framing", () => {
  it("a GET has its path, query and headers as given, and no content-length", async () => {
    const headers = [
      ["authorization", "Bearer s3cret"],
      ["X-Mixed-Case", "a,  b"],
      ["x-twice", "1"],
      ["x-twice", "2"],
      ["x-latin", "caf\u00e9"],
    ] as const;
    const { text, host } = await onTheWire("/a%20b/%E2%82%AC?q=1&q=%2B", { headers });
    expect(text.split("\r\n")).toEqual([
      "GET /a%20b/%E2%82%AC?q=1&q=%2B HTTP/1.1",
      `host: ${host}`,
      "connection: keep-alive",
      "authorization: Bearer s3cret",
      "X-Mixed-Case: a,  b",
      "x-twice: 1",
      "x-twice: 2",
      "x-latin: caf\u00e9",
      "",
      "",
    ]);
  });

  it("bytes go with their exact length, also those in the middle of a larger buffer", async () => {
    const body = new Uint8Array(Buffer.from('--{"a":1}--')).subarray(2, 9);
    const { text } = await onTheWire("/", { method: "POST", body });
    expect(text).toMatch(/\r\ncontent-length: 7\r\n\r\n(\{"a":1\})?$/);
  });

  it("a POST without a body says so", async () => {
    const { text } = await onTheWire("/", { method: "POST" });
    expect(text).toContain("content-length: 0\r\n");
  });

  it("a stream goes chunked", async () => {
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(Buffer.from("hello "));
        controller.enqueue(Buffer.from("world"));
        controller.close();
      },
    });
    const { text } = await onTheWire("/", { method: "POST", body });
    expect(text.replaceAll("\r\n", "|")).toMatch(/transfer-encoding: chunked\|\|6\|hello \|5\|world\|0\|\|$/);
  });
});

describe("what the transport refuses to put on the wire", () => {
  it.each(["Host", "connection", "transfer-encoding", "upgrade", "expect", "te", "trailer", "keep-alive"])(
    "a %s header",
    async (name) => {
      const told = calm();
      const error = await errorOf(transport().send(hop("http://127.0.0.1:1/", { headers: [[name, "x"]] }), told));
      expect(isGuardError(error) && error.code).toBe("HEADER_REFUSED");
      expect(told.sending.mayHaveLeft).toBe(false);
    },
  );

  it.each([
    ["a line break in a value", [["x-a", "1\r\nx-b: 2"]]],
    ["a line break in a name", [["x-a: 1\r\nx-b", "2"]]],
    ["a NUL in a value", [["x-a", "1\u0000"]]],
    ["a length that is not the body's", [["content-length", "3"]]],
  ] as [string, [string, string][]][])("%s", async (_what, headers) => {
    const { origin, sockets } = await upstream((_request, response) => response.end());
    const sending = transport().send(hop(origin, { method: "POST", body: Buffer.from("12"), headers }), calm());
    expect(await errorOf(sending)).toBeInstanceOf(TypeError);
    expect(sockets.every((socket) => socket.bytesRead === 0)).toBe(true);
  });

  it.each(["http://evil.example/", "", "x", "/a b", "/a\r\nx: y"])("the path %j", async (path) => {
    const { origin, sockets } = await upstream((_request, response) => response.end());
    const told = calm();
    await errorOf(transport().send({ ...hop(origin), path }, told));
    expect(told.sending.mayHaveLeft).toBe(false);
    expect(sockets.every((socket) => socket.bytesRead === 0)).toBe(true);
  });

  it("a stream that yields anything but bytes and text", async () => {
    const { origin } = await upstream((request, response) => request.resume().on("end", () => response.end()));
    const body = new ReadableStream({
      start: (controller) => controller.enqueue({ toString: () => "text" } as unknown as Uint8Array),
    }) as ReadableStream<Uint8Array>;
    const error = await errorOf(transport().send(hop(origin, { method: "POST", body }), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { message: expect.stringContaining("Uint8Array") } });
  });
});

it("a streamed upload is read only as fast as the server takes it", async () => {
  let take: (() => void) | undefined;
  const { origin } = await upstream((request, response) => {
    take = () => void request.resume().on("end", () => response.end("done"));
  });
  const piece = new Uint8Array(64 * 1024);
  const pieces = 1000; // 62 MiB, more than any socket buffers
  let pulled = 0;
  const body = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (pulled++ < pieces) controller.enqueue(piece);
        else controller.close();
      },
    },
    { highWaterMark: 0 },
  );
  const sending = transport().send(hop(origin, { method: "POST", body }), calm());
  await until(() => take !== undefined);
  await standstill(() => pulled);
  expect(pulled).toBeGreaterThan(0);
  expect(pulled).toBeLessThan(pieces / 2);
  take?.();
  expect(await readText((await sending).body)).toBe("done");
  expect(pulled).toBe(pieces + 1);
});

describe("connections", () => {
  it("are kept and used again", async () => {
    const { origin, sockets } = await upstream((_request, response) => response.end("x"));
    const sender = transport({ connectionsPerOrigin: 1 });
    for (let i = 0; i < 20; i++) await readText((await sender.send(hop(origin), calm())).body);
    expect(sockets).toHaveLength(1);
  });

  it("a small body is complete, and its connection free, before anybody reads it", async () => {
    const { origin, sockets } = await upstream((_request, response) => response.end("x".repeat(1000)));
    const sender = transport({ connectionsPerOrigin: 1 });
    const responses = [];
    for (let i = 0; i < 20; i++) responses.push(await sender.send(hop(origin), calm()));
    expect(sockets).toHaveLength(1);
    for (const { body } of responses) expect(await readText(body)).toHaveLength(1000);
  });

  it("of 1,000 discarded responses, large and small, none stays open", async () => {
    let number = 0;
    const { origin, sockets, server } = await upstream((_request, response) => {
      response.end(Buffer.alloc(number++ % 2 === 0 ? 10 : 300_000));
    });
    const sender = transport({ connectionsPerOrigin: 20 });
    for (let batch = 0; batch < 50; batch++) {
      const responses = await Promise.all(Array.from({ length: 20 }, () => sender.send(hop(origin), calm())));
      for (const { body } of responses) body?.cancel();
    }
    const isOpen = (): Promise<number> =>
      new Promise((resolve, reject) =>
        server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
      );
    expect(await isOpen()).toBeLessThanOrEqual(20);
    expect(sockets.length).toBeGreaterThan(20); // the large ones were cut off
    expect(await readText((await sender.send(hop(origin), calm())).body)).toHaveLength(10);
  });

  it("end with the transport, and later calls are refused", async () => {
    const { origin } = await upstream((_request, response) => {
      response.write("begun");
    });
    const sender = transport();
    const { body } = await sender.send(hop(origin), calm());
    expect(Buffer.from((await body?.read()) ?? [])).toEqual(Buffer.from("begun"));
    await sender.close();
    expect(await errorOf(readText(body))).toMatchObject({ message: "terminated" });
    const error = await errorOf(sender.send(hop(origin), calm()));
    expect(isGuardError(error) && error.code).toBe("GUARD_CLOSED");
  });
});

describe("a network fault is the TypeError that fetch throws, and says whether anything left", () => {
  it("nobody listens: nothing left", async () => {
    const { server, origin } = await upstream(() => {});
    server.close();
    await once(server, "close");
    const told = calm();
    const error = await errorOf(transport().send(hop(origin), told));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "ECONNREFUSED" } });
    expect(told.sending.mayHaveLeft).toBe(false);
  });

  it("the connection ends before the answer: it may have left", async () => {
    const { origin } = await rawUpstream((socket) => socket.once("data", () => socket.destroy()));
    const told = calm();
    const error = await errorOf(transport().send(hop(origin), told));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: expect.any(String) } });
    expect(told.sending.mayHaveLeft).toBe(true);
  });

  it("an answer that is no HTTP: the error carries none of its bytes", async () => {
    const { origin } = await rawUpstream((socket) =>
      socket.once("data", () => socket.end("4111111111111111 oops\r\n\r\n")),
    );
    const error = (await errorOf(transport().send(hop(origin), calm()))) as Error;
    expect(error.message).toBe("fetch failed");
    const { inspect } = await import("node:util");
    expect(inspect(error, { depth: 9, showHidden: true })).not.toContain("4111");
  });

  it("the headers take too long", async () => {
    const { origin } = await rawUpstream(() => {});
    const told = calm();
    const error = await errorOf(transport({ headersTimeoutMs: 1 }).send(hop(origin), told));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_TIMEOUT" } });
    expect(told.sending.mayHaveLeft).toBe(true);
  });
});

it("wrong options are all listed", async () => {
  const wrong = { lookup: 1, keepAliveMs: 0, bodyTimeoutMs: -1, ca: "nothing", proxy: "http://x" };
  const error = await errorOf((async () => transport(wrong as never))());
  expect((error as { problems: { pointer: string }[] }).problems.map(({ pointer }) => pointer)).toEqual([
    "/lookup",
    "/ca",
    "/keepAliveMs",
    "/bodyTimeoutMs",
    "/proxy",
  ]);
});
