import diagnosticsChannel from "node:diagnostics_channel";
import { createSecureServer, type IncomingHttpHeaders, type ServerHttp2Stream, sensitiveHeaders } from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { Added } from "../../src/transport/added.js";
import type { Connections, HopRequest } from "../../src/transport/index.js";
import { everythingIn } from "../broker/support.js";
import { pem, toLoopback } from "../transport/secure.js";
import { calm, errorOf, hop, later, rawUpstream, readText, transport, upstream } from "../transport/support.js";

// The rule: what goes out is what was judged, and a credential is in nothing that a subscriber of a channel is given.

const SECRET = "s3cret-of-the-guard";
const inHeader = (): Added => new Added([["authorization", `Bearer ${SECRET}`]], "");
const inQuery = (): Added => new Added([], `key=${SECRET}`);

function subscribe(channel: string, listen: (message: never) => void): void {
  const listener = (message: unknown): void => listen(message as never);
  diagnosticsChannel.subscribe(channel, listener);
  onTestFinished(() => void diagnosticsChannel.unsubscribe(channel, listener));
}

/** What undici gives to subscribers. */
interface Message {
  readonly request: {
    path: string;
    method: string;
    headers: string[];
    body: unknown;
    upgrade: unknown;
    host: unknown;
    reset: unknown;
    contentLength: unknown;
    addHeader(name: string, value: string): void;
  };
  readonly headers: string;
  readonly socket: Socket;
}

const CREATE = "undici:request:create";
const SEND = "undici:client:sendHeaders";
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const markOf = ({ headers }: Message): string => /x-sallyport-credential: (\S+)/.exec(headers)?.[1] ?? "";

const CHANGES: readonly (readonly [string, string, (message: Message) => void])[] = [
  ["another path", CREATE, ({ request }) => void Object.assign(request, { path: "/admin" })],
  ["a longer path", CREATE, ({ request }) => void Object.assign(request, { path: `${request.path}?all=1` })],
  ["another method", CREATE, ({ request }) => void Object.assign(request, { method: "DELETE" })],
  ["another field", CREATE, ({ request }) => request.addHeader("x-admin", "1")],
  ["a field behind the mark", CREATE, ({ request }) => void request.headers.push("x-admin", "1")],
  ["a field before the others", CREATE, ({ request }) => void request.headers.unshift("x-admin", "1")],
  ["another value", CREATE, ({ request }) => void request.headers.splice(1, 1, "other")],
  ["another value of the same length", CREATE, ({ request }) => void request.headers.splice(3, 1, "8")],
  ["a field less", CREATE, ({ request }) => void request.headers.splice(0, 2)],
  ["fields in another order", CREATE, ({ request }) => void request.headers.push(...request.headers.splice(0, 2))],
  ["a field twice", CREATE, ({ request }) => void request.headers.unshift(...request.headers.slice(0, 2))],
  ["another host", CREATE, ({ request }) => void Object.assign(request, { host: "evil.example" })],
  ["an upgrade", CREATE, ({ request }) => void Object.assign(request, { upgrade: "websocket" })],
  [
    "another body of the same length",
    CREATE,
    ({ request }) => void Object.assign(request, { body: Buffer.from("xyz") }),
  ],
  ["a longer body", CREATE, ({ request }) => void Object.assign(request, { body: Buffer.from("abcd") })],
  ["no body", CREATE, ({ request }) => void Object.assign(request, { body: null })],
  ["a body that flows", CREATE, ({ request }) => void Object.assign(request, { body: (async function* () {})() })],
  ["a request of its own before it", SEND, ({ socket }) => void socket.write("GET /admin HTTP/1.1\r\nhost: x\r\n\r\n")],
  ["bytes before it", SEND, ({ socket }) => void socket.write(Buffer.from("GET /admin HTTP/1.1\r\nhost: x\r\n\r\n"))],
  [
    "a request of its own with the mark",
    SEND,
    (message) =>
      void message.socket.write(`GET /admin HTTP/1.1\r\nhost: x\r\nx-sallyport-credential: ${markOf(message)}\r\n\r\n`),
  ],
  [
    "the judged head once more",
    SEND,
    ({ socket, headers }) => {
      socket.write(`${headers}content-length: 3\r\n\r\n`, "latin1");
      socket.write(bytes("abc"));
    },
  ],
  [
    "a chunked body in place of the judged one",
    SEND,
    ({ socket, headers }) => void socket.write(`${headers}transfer-encoding: chunked\r\n`, "latin1"),
  ],
];

/** A server that notes all it is sent, and responds to every head. */
async function listening(): Promise<{ origin: string; received: () => string }> {
  let received = "";
  const { origin } = await rawUpstream((socket) => {
    socket.on("data", (chunk: Buffer) => {
      received += chunk.toString("latin1");
      if (/\r\n\r\n(?:abc)?$/.test(received)) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
    });
  });
  return { origin, received: () => received };
}

const order = (origin: string, added: Added): HopRequest =>
  hop(`${origin}/orders`, {
    method: "POST",
    headers: [
      ["accept", "text/plain"],
      ["x-id", "7"],
    ],
    body: bytes("abc"),
    added,
  });

describe("a subscriber that changes a request", () => {
  it.each(CHANGES)("%s: what is not as it was judged is not sent", async (_what, channel, change) => {
    const { origin, received } = await listening();
    const judged = `POST /orders HTTP/1.1\r\nhost: ${new URL(origin).host}\r\nconnection: close\r\naccept: text/plain\r\nx-id: 7\r\nauthorization: Bearer ${SECRET}\r\ncontent-length: 3\r\n\r\nabc`;
    const own = transport();
    let isFirst = true;
    subscribe(channel, (message) => {
      if (isFirst) change(message);
      isFirst = false;
    });
    // Either it is sent as it was judged, or it is broken off.
    await own.send(order(origin, inHeader()), calm()).then(
      ({ body }) => readText(body),
      () => {},
    );
    // And the next one is none the worse for it.
    expect(await readText((await own.send(order(origin, inHeader()), calm())).body)).toBe("ok");
    expect(received().endsWith(judged)).toBe(true);
    expect(judged.startsWith(received().slice(0, -judged.length))).toBe(true);
  });

  it("a subscriber that only listens changes nothing, and sees a mark", async () => {
    for (const added of [inHeader(), inQuery()]) {
      const { origin, received } = await listening();
      const seen: string[] = [];
      for (const channel of [CREATE, SEND, "undici:client:connected", "net.client.socket", "undici:request:bodySent"])
        subscribe(channel, (message: Message) => seen.push(channel, everythingIn(message), `${message.headers}`));
      expect(await readText((await transport().send(order(origin, added), calm())).body)).toBe("ok");
      expect(received()).toContain(SECRET);
      expect(seen.join()).not.toContain(SECRET);
      expect(seen.join()).toMatch(/x-sallyport-credential: [0-9a-f]{32}-\d/);
    }
  });
});

it("a mark is good for one head, at the place it was made for", async () => {
  const marks: string[] = [];
  subscribe(SEND, (message) => marks.push(markOf(message)));
  const { origin, received } = await listening();
  const own = transport();
  await own.send(order(origin, inHeader()), calm());
  // An agent that has seen one, and guesses the next.
  const [prefix = "", count = ""] = marks[0]?.split("-") ?? [];
  for (const value of [marks[0] as string, `${prefix}-${Number(count) + 1}`, `${prefix}-`]) {
    const headers = [["x-sallyport-credential", value]] as const;
    const error = await errorOf(own.send(hop(`${origin}/theirs`, { headers }), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "REQUEST_ALTERED" } });
  }
  expect(received().split(SECRET)).toHaveLength(2);
  expect(received()).not.toContain("/theirs");
});

describe("a subscriber that writes what was judged to a socket that it kept", () => {
  /** The idle sockets of a session, which a subscriber was shown. */
  const kept = async (own: Connections, ...origins: string[]): Promise<readonly Socket[]> => {
    const sockets: Socket[] = [];
    subscribe("undici:client:connected", ({ socket }: Message) => sockets.push(socket));
    for (const origin of origins) await own.send(hop(`${origin}/warm`), calm());
    return sockets;
  };

  it("of the same service, has it sent once", async () => {
    const { origin, received } = await listening();
    const own = transport();
    const sockets = await kept(own, origin, origin);
    subscribe(SEND, ({ headers, socket }: Message) => {
      const idle = sockets.find((one) => one !== socket);
      if (headers.startsWith("POST")) idle?.write(`${headers}content-length: 3\r\n\r\n`, "latin1");
    });
    expect(sockets).toHaveLength(2);
    await own.send(order(origin, inHeader()), calm()).catch(() => {});
    await transport().send(hop(`${origin}/after`), calm());
    expect(received().split(SECRET)).toHaveLength(2);
  });

  it("of another service, does not have it sent there", async () => {
    const theirs = await listening();
    const { origin, received } = await listening();
    const own = transport();
    const [socket] = await kept(own, theirs.origin);
    subscribe(SEND, ({ headers }: Message) => {
      if (headers.startsWith("POST")) socket?.write(`${headers}content-length: 3\r\n\r\n`, "latin1");
    });
    await own.send(order(origin, inHeader()), calm()).catch(() => {});
    await own.send(hop(`${theirs.origin}/after`), calm());
    expect(theirs.received()).not.toContain(SECRET);
    expect(received().split(SECRET).length).toBeLessThanOrEqual(2);
  });
});

/** A server of HTTP/2, and of HTTP/1.1 where it is asked for that. */
async function secureServer() {
  const seen: { version: string; headers: IncomingHttpHeaders; body: string }[] = [];
  const server = createSecureServer({ key: pem("server.key"), cert: pem("server.pem"), allowHTTP1: true });
  server.on("session", (session) => later(() => session.destroy()));
  server.on("stream", (stream: ServerHttp2Stream, headers) => {
    let body = "";
    stream.on("data", (chunk: Buffer) => (body += chunk.toString()));
    stream.on("end", () => {
      seen.push({ version: "2", headers, body });
      stream.respond({ ":status": 200 });
      stream.end("over 2");
    });
  });
  server.on("request", (request, response) => {
    if (request.httpVersion !== "1.1") return;
    seen.push({ version: "1.1", headers: { ":path": request.url, ...request.headers }, body: "" });
    response.end("over 1.1");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => server.close());
  return { seen, origin: `https://crm.example:${(server.address() as AddressInfo).port}` };
}

const http2 = () => transport({ lookup: toLoopback, ca: pem("one-ca.pem"), services: { crm: { http2: true } } });

describe("a credential over HTTP/2", () => {
  it.each([
    [
      "header fields",
      new Added(
        [
          ["authorization", `DPoP ${SECRET}`],
          ["dpop", "a.proof.x"],
        ],
        "",
      ),
      "/orders?a=b",
    ],
    ["the query", inQuery(), `/orders?a=b&key=${SECRET}`],
  ])("in %s arrives, with the fields that were judged and no others, and nowhere else", async (_where, added, path) => {
    const { seen, origin } = await secureServer();
    const overheard: string[] = [];
    for (const channel of [CREATE, SEND, "undici:client:connected", "net.client.socket", "undici:client:beforeConnect"])
      subscribe(channel, (message) => overheard.push(everythingIn(message)));
    const own = http2();
    const asked = hop(`${origin}/orders?a=b`, {
      method: "POST",
      headers: [
        ["accept", "text/plain"],
        ["x-twice", "1"],
        ["x-twice", "2"],
      ],
      body: bytes("abc"),
      service: "crm",
      added,
    });
    for (let call = 0; call < 2; call++) expect(await readText((await own.send(asked, calm())).body)).toBe("over 2");
    const [first, second] = seen;
    expect(Object.fromEntries(Object.entries(first?.headers ?? {}))).toEqual({
      ":method": "POST",
      ":scheme": "https",
      ":authority": new URL(origin).host,
      ":path": path,
      accept: "text/plain",
      "x-twice": "1, 2",
      "content-length": "3",
      ...(path.includes(SECRET) ? {} : { authorization: `DPoP ${SECRET}`, dpop: "a.proof.x" }),
    });
    expect(second?.headers).toEqual(first?.headers);
    expect(first?.body).toBe("abc");
    expect(overheard.join()).not.toContain(SECRET);
  });

  it("is never put into a table of the receiver: its fields are marked as sensitive", async () => {
    const { seen, origin } = await secureServer();
    const added = new Added([["X-Api-Key", SECRET]], "");
    await http2().send(hop(origin, { service: "crm", added }), calm());
    expect((seen[0]?.headers as Record<symbol, unknown> | undefined)?.[sensitiveHeaders]).toEqual(["x-api-key"]);
  });

  it("goes over HTTP/1.1 while somebody listens to the channels on which Node shows streams of HTTP/2", async () => {
    const { seen, origin } = await secureServer();
    const own = http2();
    const send = async (added?: Added): Promise<string> =>
      await readText(
        (await own.send(hop(origin, { service: "crm", ...(added === undefined ? {} : { added }) }), calm())).body,
      );
    expect(await send(inHeader())).toBe("over 2");
    const listen = (): void => {};
    diagnosticsChannel.subscribe("http2.client.stream.start", listen);
    try {
      expect(await send(inHeader())).toBe("over 1.1");
      expect(seen.at(-1)?.headers["authorization"]).toBe(`Bearer ${SECRET}`);
    } finally {
      diagnosticsChannel.unsubscribe("http2.client.stream.start", listen);
    }
    const afterwards = await http2().send(hop(origin, { service: "crm", added: inHeader() }), calm());
    expect(await readText(afterwards.body)).toBe("over 2");
  });
});

it("without a credential, HTTP/2 stays what it is, whoever listens", async () => {
  const { origin } = await secureServer();
  const listen = (): void => {};
  diagnosticsChannel.subscribe("http2.client.stream.created", listen);
  onTestFinished(() => void diagnosticsChannel.unsubscribe("http2.client.stream.created", listen));
  expect(await readText((await http2().send(hop(origin, { service: "crm" }), calm())).body)).toBe("over 2");
});

it("a plain server gets what was judged, body and all", async () => {
  const bodies: string[] = [];
  const { origin } = await upstream((request, response) => {
    let text = "";
    request.on("data", (chunk: Buffer) => (text += chunk.toString()));
    request.on("end", () => {
      bodies.push(`${request.method} ${request.url} ${request.headers.authorization} ${text}`);
      response.end();
    });
  });
  const flowing = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of ["a", "bc", "d".repeat(20)]) controller.enqueue(bytes(piece));
      controller.close();
    },
  });
  const own = transport();
  await own.send({ ...order(origin, inHeader()), body: flowing }, calm());
  const sized = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const piece of ["a", "bc"]) controller.enqueue(bytes(piece));
      controller.close();
    },
  });
  await own.send({ ...order(origin, inHeader()), body: sized, headers: [["content-length", "3"]] }, calm());
  expect(bodies).toEqual([`POST /orders Bearer ${SECRET} abc${"d".repeat(20)}`, `POST /orders Bearer ${SECRET} abc`]);
});
