import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import type { Connections, HopRequest } from "../../src/transport/index.js";
import { createUndiciTransport } from "../../src/transport/index.js";
import { calm, hop, later, rawUpstream, readText, until } from "../transport/support.js";

// The rule: within a session, a connection is not used again after a response that came too early, after any byte that
// nobody asked for, or after a request with a body, unless the service is declared to read every body.

const session = (): Connections => {
  const made = createUndiciTransport();
  later(() => made.close());
  return made.connections();
};

/** Lets what is on its way arrive: undici itself waits a turn before it uses a connection again. */
const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve));
};

const REST = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nnext";

/** A server that gives the first request of each connection these pieces, one write each, and later ones a plain response. */
async function server(pieces: readonly string[]) {
  const sockets: Socket[] = [];
  const { origin } = await rawUpstream((socket) => {
    sockets.push(socket);
    let heads = 0;
    socket.setNoDelay(true);
    socket.on("data", (bytes: Buffer) => {
      if (!bytes.toString("latin1").includes(" HTTP/1.1\r\n")) return;
      heads++;
      const isFirst = heads === 1 && sockets.length === 1;
      const write = (all: readonly string[]): void => {
        const [piece, ...others] = all;
        if (piece === undefined || socket.destroyed) return;
        // Each in a turn of its own, so that each is a read of its own.
        socket.write(piece, () => setImmediate(() => setImmediate(write, others)));
      };
      write(isFirst ? pieces : [REST]);
    });
  });
  return { origin, sockets };
}

const HEAD = "HTTP/1.1 200 OK\r\n";
const FOREIGN = "HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\nforeign";

const EXACT: readonly (readonly [string, readonly string[], string])[] = [
  ["a body of a stated length", [`${HEAD}content-length: 3\r\n\r\nabc`], "abc"],
  ["a body that is only line breaks", [`${HEAD}content-length: 6\r\n\r\n\r\n\r\n\r\n`], "\r\n\r\n\r\n"],
  ["a body in pieces", [`${HEAD}content-length: 3\r\n`, "\r\n", "a", "b", "c"], "abc"],
  ["an empty body", [`${HEAD}content-length: 0\r\n\r\n`], ""],
  ["a head whose end comes in two pieces", [`${HEAD}content-length: 0\r\n\r`, "\n"], ""],
  ["a chunked body", [`${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`], "abc"],
  [
    "a chunked body in pieces",
    [`${HEAD}transfer-encoding: chunked\r\n\r\n`, "3\r\n", "abc", "\r\n", "0", "\r\n", "\r", "\n"],
    "abc",
  ],
  [
    "a chunked body of line breaks",
    [`${HEAD}Transfer-Encoding: chunked\r\n\r\n4\r\n\r\n\r\n\r\n0\r\n\r\n`],
    "\r\n\r\n",
  ],
  ["a chunked body with a trailer", [`${HEAD}transfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\nx: y\r\n\r\n`], "a"],
  ["no body (204)", ["HTTP/1.1 204 No Content\r\n\r\n"], ""],
  ["no body (304)", ["HTTP/1.1 304 Not Modified\r\netag: x\r\n\r\n"], ""],
  ["a hint before it", [`HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n${HEAD}content-length: 1\r\n\r\na`], "a"],
];

describe("a connection is used again after a response that ends exactly where it says", () => {
  it.each(EXACT)("%s", async (_what, pieces, text) => {
    const { origin, sockets } = await server(pieces);
    const own = session();
    expect(await readText((await own.send(hop(origin), calm())).body)).toBe(text);
    await settle();
    expect(await readText((await own.send(hop(origin), calm())).body)).toBe("next");
    expect(sockets).toHaveLength(1);
  });
});

const STRAY: readonly (readonly [string, string])[] = [
  ["a whole response", FOREIGN],
  ["the beginning of one", "HTTP/1.1 2"],
  ["a letter", "x"],
  ["a line break", "\r\n"],
  ["two line breaks", "\r\n\r\n"],
  ["many line breaks", "\r\n".repeat(50)],
  ["half a line break", "\n"],
  ["the other half", "\r"],
  ["a blank", " "],
  ["a NUL", "\0"],
  ["line breaks before a response", `\r\n\r\n${FOREIGN}`],
  ["the end of a chunked body", "0\r\n\r\n"],
];

const BEFORE_STRAY: readonly (readonly [string, string])[] = [
  ["a stated length", `${HEAD}content-length: 3\r\n\r\nabc`],
  ["a length of 0", `${HEAD}content-length: 0\r\n\r\n`],
  ["chunks", `${HEAD}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n`],
  ["204", "HTTP/1.1 204 No Content\r\n\r\n"],
  ["204 and a length that it must not have", "HTTP/1.1 204 No Content\r\ncontent-length: 7\r\n\r\n"],
  ["304", "HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n"],
];

describe.each(BEFORE_STRAY)(
  "after a response with %s and bytes behind it, its connection is closed",
  (_what, response) => {
    it.each(STRAY)("%s, at once and later, in one piece and byte by byte", async (_stray, stray) => {
      for (const pieces of [[response + stray], [response, stray], [response, ...stray.slice(0, 12)]]) {
        const { origin, sockets } = await server(pieces);
        const own = session();
        const first = await own.send(hop(origin), calm());
        expect(["abc", ""]).toContain(await readText(first.body));
        await settle();
        const texts = [];
        for (let call = 0; call < 2; call++) {
          texts.push(await readText((await own.send(hop(origin), calm())).body));
          await settle();
        }
        expect(texts).toEqual(["next", "next"]);
        expect(sockets).toHaveLength(2);
      }
    });
  },
);

it("after a HEAD, whose response may bring a body all the same, its connection is closed", async () => {
  for (const head of [`${HEAD}content-length: 7\r\n\r\n`, `${HEAD}content-length: 7\r\n\r\nforeign`]) {
    const { origin, sockets } = await server([head]);
    const own = session();
    expect((await own.send(hop(origin, { method: "HEAD" }), calm())).body).toBeNull();
    expect(await readText((await own.send(hop(origin), calm())).body)).toBe("next");
    expect(sockets).toHaveLength(2);
  }
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const stream = (): ReadableStream<Uint8Array> =>
  new ReadableStream({
    start(controller) {
      controller.enqueue(bytes("abc"));
      controller.close();
    },
  });

const REQUESTS: readonly (readonly [string, () => Partial<HopRequest>, boolean])[] = [
  ["GET", () => ({}), true],
  ["OPTIONS", () => ({ method: "OPTIONS" }), true],
  ["GET with a body", () => ({ body: bytes("abc") }), false],
  ["POST with a body", () => ({ method: "POST", body: bytes("abc") }), false],
  ["POST with an empty body", () => ({ method: "POST", body: bytes("") }), false],
  ["POST without a body", () => ({ method: "POST" }), false],
  ["PUT with a stream", () => ({ method: "PUT", body: stream() }), false],
  ["PATCH with a body", () => ({ method: "PATCH", body: bytes("abc") }), false],
  ["DELETE", () => ({ method: "DELETE" }), false],
];

describe("after a request that is not safe or has a body, its connection is closed, and the server is told before", () => {
  it.each(REQUESTS)("%s", async (_what, parts, isReused) => {
    const received: string[] = [];
    const { origin } = await rawUpstream((socket) => {
      const connection = received.push("") - 1;
      socket.on("data", (chunk: Buffer) => {
        received[connection] += chunk.toString("latin1");
        const isWhole = /\r\n\r\n$|abc$/.test(received[connection] ?? "");
        if (isWhole) socket.write(`${HEAD}content-length: 0\r\n\r\n`);
      });
    });
    const own = session();
    await own.send(hop(origin), calm()); // a connection that is open already may carry it
    await settle();
    await own.send(hop(origin, parts()), calm());
    await settle();
    await own.send(hop(origin), calm());
    expect(received).toHaveLength(isReused ? 1 : 2);
    expect(received[0]?.match(/\r\nconnection: (\S+)/g)?.[1]).toBe(
      `\r\nconnection: ${isReused ? "keep-alive" : "close"}`,
    );
  });

  it.each(REQUESTS.filter(([what]) => !what.startsWith("GET")))(
    "unless the service is declared to read every body: %s",
    async (_what, parts) => {
      let connections = 0;
      const { origin } = await rawUpstream((socket) => {
        connections++;
        let text = "";
        socket.on("data", (chunk: Buffer) => {
          text += chunk.toString("latin1");
          if (/\r\n\r\n$|abc$/.test(text)) socket.write(`${HEAD}content-length: 0\r\n\r\n`);
        });
      });
      const own = session();
      // Undici itself closes after a DELETE or OPTIONS that has a body.
      for (let call = 0; call < 3; call++) {
        await own.send(hop(origin, { ...parts(), reuse: true }), calm());
        await settle();
      }
      expect(connections).toBe(1);
    },
  );
});

describe("after a response that came before the request had been sent, its connection is closed", () => {
  it.each([
    ["bytes", (): HopRequest["body"] => new Uint8Array(64 * 1024 * 1024)],
    [
      "a stream",
      (): HopRequest["body"] =>
        new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(65_536)) }, { highWaterMark: 0 }),
    ],
  ])("%s, also where the service is declared to read every body", async (_what, body) => {
    const sockets: Socket[] = [];
    const { origin } = await rawUpstream((socket) => {
      sockets.push(socket);
      socket.once("data", () => {
        socket.write(`${HEAD}content-length: 5\r\n\r\nearly`);
        if (sockets.length === 1) socket.pause();
      });
    });
    const own = session();
    const early = await own.send(hop(origin, { method: "POST", body: body(), reuse: true }), calm());
    expect(await readText(early.body)).toBe("early");
    await settle();
    expect(await readText((await own.send(hop(origin), calm())).body)).toBe("early");
    expect(sockets).toHaveLength(2);
    sockets[0]?.resume();
    await until(() => sockets[0]?.destroyed === true || sockets[0]?.readableEnded === true);
  });
});
