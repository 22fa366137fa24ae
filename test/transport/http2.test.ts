import {
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { describe, expect, it } from "vitest";
import { isGuardError } from "../../src/errors/guard-error.js";
import { Exchange } from "../../src/transport/exchange.js";
import type { Connections, HopRequest, HopResponse } from "../../src/transport/index.js";
import { pem, toLoopback } from "./secure.js";
import {
  calm,
  errorOf,
  hop,
  later,
  PUBLIC_ONLY,
  readAll,
  readText,
  standstill,
  transport,
  under,
  until,
} from "./support.js";

interface Server {
  readonly port: number;
  readonly server: Http2SecureServer;
  readonly sessions: ServerHttp2Session[];
  readonly paths: string[];
}

type Answer = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, body: Buffer) => void;

const echo: Answer = (stream, headers, body) => {
  stream.respond({ ":status": 200, "x-method": String(headers[":method"]) });
  stream.end(body);
};

/** A server on loopback that speaks HTTP/2 with whoever asks for it. */
async function serve(answer: Answer = echo, early?: (stream: ServerHttp2Stream) => void): Promise<Server> {
  const server = createSecureServer({ key: pem("server.key"), cert: pem("server.pem"), allowHTTP1: true });
  const sessions: ServerHttp2Session[] = [];
  const paths: string[] = [];
  server.on("session", (session) => sessions.push(session.on("error", () => {})));
  server.on("stream", (stream, headers) => {
    paths.push(String(headers[":path"]));
    stream.on("error", () => {});
    early?.(stream);
    const chunks: Buffer[] = [];
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    stream.on("end", () => answer(stream, headers, Buffer.concat(chunks)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => {
    for (const session of sessions) session.destroy();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, server, sessions, paths };
}

const sender = (options: Parameters<typeof transport>[0] = {}): Connections =>
  transport({ lookup: toLoopback, ca: pem("one-ca.pem"), services: { crm: { http2: true } }, ...options });

const ask = (port: number, path: string, parts: Partial<HopRequest> = {}): HopRequest =>
  hop(`https://crm.example:${port}${path}`, { service: "crm", ...parts });

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("HTTP/2", () => {
  it("is spoken with a service that is set so and offers it, and with no other", async () => {
    const { port, server, sessions } = await serve();
    server.on("request", (request, response) => {
      if (request.httpVersion === "1.1") response.end("over 1.1");
    });
    const send = sender();
    const posted = await send.send(ask(port, "/a", { method: "POST", body: bytes("over 2") }), calm());
    expect([posted.status, posted.peerAddress, posted.headers.find(([name]) => name === "x-method")?.[1]]).toEqual([
      200,
      "127.0.0.1",
      "POST",
    ]);
    expect(await readText(posted.body)).toBe("over 2");
    expect(sessions).toHaveLength(1);
    for (const service of ["wiki", undefined]) {
      const { service: _, ...other } = ask(port, "/a");
      const answer = await send.send(service === undefined ? other : { ...other, service }, calm());
      expect(await readText(answer.body)).toBe("over 1.1");
    }
    expect(sessions).toHaveLength(1);
  });

  it("streams bodies up and down, and makes a fast server wait for a slow reader", async () => {
    let written = 0;
    const { port } = await serve((stream, _headers, body) => {
      stream.respond({ ":status": 200, "x-length": String(body.length) });
      const chunk = Buffer.alloc(65_536, 7);
      const write = (): void => {
        while (written < 64 * chunk.length) {
          written += chunk.length;
          if (!stream.write(chunk)) return void stream.once("drain", write);
        }
        stream.end();
      };
      write();
    });
    const upload = new ReadableStream<Uint8Array>({
      start(controller) {
        for (let i = 0; i < 8; i++) controller.enqueue(new Uint8Array(50_000));
        controller.close();
      },
    });
    const answer = await sender().send(ask(port, "/", { method: "POST", body: upload }), calm());
    expect(answer.headers).toContainEqual(["x-length", "400000"]);
    await standstill(() => written);
    expect(written).toBeLessThan(2_500_000);
    expect(await readAll(answer.body)).toHaveLength(64 * 65_536);
  });

  it("an abort ends the stream and not the connection: while waiting, and in the body", async () => {
    const closed: string[] = [];
    const { port, sessions, paths } = await serve((stream, headers, body) => {
      const path = String(headers[":path"]);
      stream.on("close", () => closed.push(path));
      if (path === "/body") {
        stream.respond({ ":status": 200 });
        stream.write("begun");
      } else if (path === "/after") echo(stream, headers, body);
    });
    const send = sender({ connectionsPerOrigin: 1 });
    const waiting = new AbortController();
    const told = under(waiting.signal);
    const call = errorOf(send.send(ask(port, "/wait"), told));
    await until(() => paths.includes("/wait"));
    waiting.abort(new Error("enough"));
    const error = await call;
    expect(error).toMatchObject({ message: "enough" });
    expect(told.sending.mayHaveLeft).toBe(true);
    const reading = new AbortController();
    const { body } = await send.send(ask(port, "/body"), under(reading.signal));
    expect(Buffer.from((await body?.read()) ?? []).toString()).toBe("begun");
    const next = errorOf(body?.read() ?? Promise.resolve());
    reading.abort(new Error("stop"));
    expect(await next).toMatchObject({ message: "stop" });
    await readText((await send.send(ask(port, "/after"), calm())).body);
    await until(() => closed.includes("/wait") && closed.includes("/body"));
    expect(sessions).toHaveLength(1);
  });

  it("informational answers and trailers are not the answer", async () => {
    const { port } = await serve((stream) => {
      stream.additionalHeaders({ ":status": 103, link: "</a.css>" });
      stream.respond({ ":status": 200, "x-a": "1" }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": "1" }));
      stream.end("body");
    });
    const answer = await sender().send(ask(port, "/"), calm());
    expect(answer.headers.map(([name]) => name)).toEqual(["x-a", "date"]);
    expect(await readText(answer.body)).toBe("body");
  });

  it("a body that waited for its reader and ends in trailers is whole", async () => {
    let isSent = false;
    const { port } = await serve((stream) => {
      stream.respond({ ":status": 200 }, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-trailer": "1" }));
      stream.on("close", () => {
        isSent = true;
      });
      stream.end(Buffer.alloc(200_000, 7));
    });
    const { body } = await sender().send(ask(port, "/"), calm());
    await until(() => isSent);
    await standstill(() => 0);
    expect(await readAll(body)).toHaveLength(200_000);
  });

  it("a second connection for one request is refused: the first may have taken it to the service", async () => {
    const settings = {
      maxInflatedBytes: 1,
      headersTimeoutMs: 0,
      peer: () => undefined,
      abandonBody: () => {},
      hasBodyFailed: () => false,
      over: () => {},
    };
    const told = calm();
    const exchange = new Exchange(hop("https://crm.example/"), told, settings);
    const stopped: string[] = [];
    exchange.onConnect(() => stopped.push("first"));
    exchange.onConnect((reason) => {
      stopped.push("second");
      exchange.onError(reason as Error); // as undici does
    });
    expect(stopped).toEqual(["second"]);
    await errorOf(exchange.answer);
    expect(told.sending.mayHaveLeft).toBe(true);
  });

  it.each<[string, (stream: ServerHttp2Stream, socket: Socket | undefined) => void]>([
    ["says goodbye, and closes", (stream) => stream.session?.goaway(2)],
    ["closes the connection", (_stream, socket) => socket?.destroy()],
    ["refuses the stream", (stream) => stream.close(7)],
    ["cancels the stream", (stream) => stream.close(8)],
    ["breaks the session off", (stream) => stream.session?.destroy(undefined, 2)],
  ])("a server that %s gets the request once, and may have done what it asks", async (_what, hurt) => {
    const sockets: Socket[] = [];
    const { port, server, paths } = await serve(
      () => {},
      (stream) => {
        if (paths.length === 1) hurt(stream, sockets[0]);
        else stream.respond({ ":status": 200 }, { endStream: true });
      },
    );
    server.on("connection", (socket) => sockets.push(socket));
    const send = sender({ connectionsPerOrigin: 1 });
    const order = ask(port, "/order", { method: "POST", body: bytes("one") });
    const told = calm();
    const error = await errorOf(send.send(order, told));
    expect(error).toMatchObject({ name: "TypeError", message: "fetch failed" });
    expect(told.sending.mayHaveLeft).toBe(true);
    expect(paths).toEqual(["/order"]);
    const after: HopResponse = await send.send(ask(port, "/after"), calm());
    after.body?.cancel();
    expect(paths).toEqual(["/order", "/after"]);
  });

  it("a server that says goodbye may still respond, and gets no other request on that connection", async () => {
    const { port, sessions, paths } = await serve((stream, headers, body) => {
      if (headers[":path"] === "/order") stream.session?.goaway();
      setImmediate(() => echo(stream, headers, body));
    });
    const send = sender({ connectionsPerOrigin: 1 });
    const order = await send.send(ask(port, "/order", { method: "POST", body: bytes("one") }), calm());
    expect(await readText(order.body)).toBe("one");
    await readText((await send.send(ask(port, "/after"), calm())).body);
    expect(paths).toEqual(["/order", "/after"]);
    expect(sessions).toHaveLength(2);
  });

  it("a body that breaks off is never taken for a whole one", async () => {
    const { port } = await serve((stream) => {
      stream.respond({ ":status": 200 });
      stream.write("a part of it", () => stream.session?.destroy());
    });
    const { body } = await sender().send(ask(port, "/"), calm());
    expect(await errorOf(readAll(body))).toMatchObject({ message: "terminated" });
  });

  it("a body that is not as long as its header says is not sent to its end", async () => {
    const closed: number[] = [];
    const { port } = await serve(
      () => {},
      (stream) => stream.on("close", () => closed.push(stream.rstCode)),
    );
    for (const [stated, chunks] of [
      ["5", ["abc"]],
      ["5", ["abc", "def"]],
    ] as const) {
      const body = new ReadableStream<Uint8Array>({
        start(controller) {
          for (const chunk of chunks) controller.enqueue(bytes(chunk));
          controller.close();
        },
      });
      const headers = [["content-length", stated]] as const;
      const error = await errorOf(sender().send(ask(port, "/", { method: "POST", body, headers }), calm()));
      expect(error).toMatchObject({ cause: { code: "UND_ERR_REQ_CONTENT_LENGTH_MISMATCH" } });
    }
    const headers = [["content-length", "4"]] as const;
    const error = await errorOf(sender().send(ask(port, "/", { method: "POST", body: bytes("abc"), headers }), calm()));
    expect(error).toMatchObject({ message: "fetch failed" });
    await until(() => closed.length === 2);
    expect(closed).toEqual([8, 8]);
  });

  it("a body that the caller's stream breaks off ends the request", async () => {
    const closed: number[] = [];
    const { port } = await serve(
      () => {},
      (stream) => stream.on("close", () => closed.push(stream.rstCode)),
    );
    const cause = new Error("no more");
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        controller.enqueue(bytes("abc"));
        controller.error(cause);
      },
    });
    const error = await errorOf(sender().send(ask(port, "/", { method: "POST", body }), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause });
    await until(() => closed.length > 0);
    expect(closed).toEqual([8]);
  });

  it("checks addresses as ever, and shares no connection between origins, whatever the certificate covers", async () => {
    const { port, sessions } = await serve();
    const names: string[] = [];
    const lookup = async (name: string): ReturnType<typeof toLoopback> => {
      names.push(name);
      return await toLoopback();
    };
    const send = sender({ lookup });
    const error = await errorOf(send.send(ask(port, "/", { addresses: PUBLIC_ONLY }), calm()));
    expect(isGuardError(error) && error.code).toBe("ADDRESS_REFUSED");
    expect(sessions).toHaveLength(0);
    for (const host of ["crm.example", "billing.example", "127.0.0.1"])
      await readText((await send.send(hop(`https://${host}:${port}/`, { service: "crm" }), calm())).body);
    expect(names).toEqual(["crm.example", "crm.example", "billing.example"]);
    expect(sessions).toHaveLength(3);
    const other = await errorOf(send.send(hop(`https://other.example:${port}/`, { service: "crm" }), calm()));
    expect(other).toMatchObject({ cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } });
  });

  it("times out for the header, and in the body", async () => {
    const { port } = await serve((stream, headers) => {
      if (headers[":path"] === "/body") stream.respond({ ":status": 200 });
    });
    const waiting = await errorOf(sender({ headersTimeoutMs: 20 }).send(ask(port, "/"), calm()));
    expect(waiting).toMatchObject({ message: "fetch failed", cause: { code: "UND_ERR_HEADERS_TIMEOUT" } });
    const { body } = await sender({ bodyTimeoutMs: 20 }).send(ask(port, "/body"), calm());
    expect(await errorOf(readAll(body))).toMatchObject({
      message: "terminated",
      cause: { code: "UND_ERR_BODY_TIMEOUT" },
    });
  });
});
