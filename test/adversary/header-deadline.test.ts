import { createSecureServer, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { pem, toLoopback } from "../transport/secure.js";
import { calm, errorOf, hop, later, rawUpstream, readText, transport, until } from "../transport/support.js";

// The rule: there is one deadline for the final header, whatever informational responses come before it.

const HINT = "HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n";
const DONE = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ndone";

/** Does the same again and again, one turn of the event loop after the other, until the connection is closed. */
const forEver = (isClosed: () => boolean, act: () => void): void => {
  const again = (): void => {
    if (isClosed()) return;
    act();
    setTimeout(again, 5);
  };
  again();
};

const server = (serve: (socket: Socket) => void) =>
  rawUpstream((socket) => void socket.once("data", () => serve(socket)));

const FLOODS: readonly (readonly [string, (socket: Socket) => void])[] = [
  [
    "hints, slowly",
    (socket) =>
      forEver(
        () => socket.destroyed,
        () => socket.write(HINT),
      ),
  ],
  [
    "processing, slowly",
    (socket) =>
      forEver(
        () => socket.destroyed,
        () => socket.write("HTTP/1.1 102 Processing\r\n\r\n"),
      ),
  ],
  [
    "a status nobody knows",
    (socket) =>
      forEver(
        () => socket.destroyed,
        () => socket.write("HTTP/1.1 199 Wait\r\n\r\n"),
      ),
  ],
  [
    "one hint, and then a header byte by byte",
    (socket) => {
      socket.write(`${HINT}HTTP/1.1 200 OK\r\n`);
      forEver(
        () => socket.destroyed,
        () => socket.write("x"),
      );
    },
  ],
  ["one hint, and nothing", (socket) => void socket.write(HINT)],
];

describe("a server that puts off its response", () => {
  it.each(FLOODS)("with %s is given up when the time for the header has passed", async (_what, serve) => {
    const { origin } = await server(serve);
    const error = await errorOf(transport({ headersTimeoutMs: 100 }).send(hop(origin), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_TIMEOUT" } });
  });

  it("with a flood of hints is given up at once, also where there is no deadline", async () => {
    const { origin } = await server((socket) => void socket.write(HINT.repeat(1_000)));
    const error = await errorOf(transport({ headersTimeoutMs: 0 }).send(hop(origin), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_OVERFLOW" } });
  });

  it("and does not read the request meanwhile, is given up", async () => {
    const { origin } = await rawUpstream((socket) => {
      socket.once("data", () => {
        socket.pause();
        forEver(
          () => socket.destroyed,
          () => socket.write(HINT),
        );
      });
      later(() => socket.resume());
    });
    const body = new ReadableStream<Uint8Array>(
      { pull: (controller) => controller.enqueue(new Uint8Array(65_536)) },
      { highWaterMark: 0 },
    );
    const asked = hop(origin, { method: "POST", body });
    const error = await errorOf(transport({ headersTimeoutMs: 100 }).send(asked, calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_TIMEOUT" } });
  });
});

describe("is not given up", () => {
  it("a server that sends some hints, and then its response", async () => {
    const { origin } = await server((socket) => void socket.write(HINT.repeat(30) + DONE));
    expect(await readText((await transport({ headersTimeoutMs: 5_000 }).send(hop(origin), calm())).body)).toBe("done");
  });

  it("a server that hints while the caller takes its time to send", async () => {
    let text = "";
    const { origin } = await rawUpstream((socket) => {
      socket.on("data", (chunk: Buffer) => {
        text += chunk.toString("latin1");
        if (text.endsWith("0\r\n\r\n")) socket.write(DONE);
        else socket.write(HINT);
      });
    });
    let pieces = 0;
    const body = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          await new Promise((resolve) => setTimeout(resolve, 800));
          controller.enqueue(new Uint8Array(1));
          if (++pieces === 2) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    const asked = hop(origin, { method: "POST", body });
    expect(await readText((await transport({ headersTimeoutMs: 500 }).send(asked, calm())).body)).toBe("done");
  });

  it("a body that takes longer than the header may", async () => {
    const { origin } = await server((socket) => {
      socket.write(`${HINT}HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n`);
      setTimeout(() => socket.write("done"), 700);
    });
    expect(await readText((await transport({ headersTimeoutMs: 500 }).send(hop(origin), calm())).body)).toBe("done");
  });
});

async function http2Server(serve: (stream: ServerHttp2Stream) => void): Promise<string> {
  const made = createSecureServer({ key: pem("server.key"), cert: pem("server.pem") });
  made.on("session", (session) => {
    session.on("error", () => {});
    later(() => session.destroy());
  });
  made.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => {});
    serve(stream);
  });
  await new Promise<void>((resolve) => made.listen(0, "127.0.0.1", resolve));
  later(() => made.close());
  return `https://crm.example:${(made.address() as AddressInfo).port}/`;
}

const http2 = (headersTimeoutMs: number) =>
  transport({
    lookup: toLoopback,
    ca: pem("one-ca.pem"),
    services: { crm: { http2: true } },
    connectionsPerOrigin: 1,
    headersTimeoutMs,
  });

describe("over HTTP/2 it is the same", () => {
  it.each<[string, (stream: ServerHttp2Stream) => void]>([
    [
      "hints",
      (stream) =>
        forEver(
          () => stream.closed,
          () => stream.additionalHeaders({ ":status": 103 }),
        ),
    ],
    ["nothing at all", () => {}],
    [
      "hints, of which each has another status",
      (stream) => {
        let status = 102;
        forEver(
          () => stream.closed,
          () => stream.additionalHeaders({ ":status": ++status }),
        );
      },
    ],
  ])("with %s a server is given up when the time has passed, and its connection stays", async (_what, serve) => {
    let streams = 0;
    const sessions = new Set<unknown>();
    const url = await http2Server((stream) => {
      sessions.add(stream.session);
      if (streams++ === 0) serve(stream);
      else stream.respond({ ":status": 200 }, { endStream: true });
    });
    const own = http2(100);
    const error = await errorOf(own.send(hop(url, { service: "crm" }), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_TIMEOUT" } });
    await until(() => streams === 1);
    expect((await own.send(hop(url, { service: "crm" }), calm())).status).toBe(200);
    expect(sessions.size).toBe(1);
  });

  it("a flood of hints is given up at once", async () => {
    const url = await http2Server((stream) => {
      for (let hints = 0; hints < 100; hints++) stream.additionalHeaders({ ":status": 103 });
    });
    const error = await errorOf(http2(0).send(hop(url, { service: "crm" }), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_OVERFLOW" } });
  });

  it("some hints, and then the response", async () => {
    const url = await http2Server((stream) => {
      for (let hints = 0; hints < 30; hints++) stream.additionalHeaders({ ":status": 103 });
      stream.respond({ ":status": 200 });
      stream.end("done");
    });
    expect(await readText((await http2(5_000).send(hop(url, { service: "crm" }), calm())).body)).toBe("done");
  });
});
