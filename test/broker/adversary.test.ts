import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { createServer, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { Secret, staticSecret } from "../../src/broker/index.js";
import { findGuardError, type GuardOptions } from "../../src/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { occurrences } from "./support.js";

const TOKEN = "the-token-that-a-service-would-like-to-pass-on";

/** A service that writes to the socket whatever it likes; `seen` is what it was sent. */
async function rawService(answer: (socket: Socket, seen: string) => void): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.on("data", (data) => answer(socket, data.toString("latin1")));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function guarded(
  origin: string,
  crm: NonNullable<GuardOptions["credentials"]>[string] = staticSecret({ scheme: "bearer", secret: TOKEN }),
) {
  return await testGuard({
    policy: loopbackPolicy(
      origin,
      [{ id: "all", effect: "allow", service: "api", methods: ["*"], path: "/**", scopes: ["read"] }],
      { credential: "crm", headers: ["x-cut"] },
    ),
    credentials: { crm },
  });
}

const tokenIn = (seen: string): string => /authorization: Bearer (\S+)/i.exec(seen)?.[1] ?? "no token arrived";

test("a service that puts the token into the reason phrase of its answer does not hand it to the agent", async () => {
  const origin = await rawService((socket, seen) => {
    socket.end(`HTTP/1.1 200 ${tokenIn(seen)}\r\ncontent-length: 2\r\n\r\n{}`);
  });
  const { session, directory } = await guarded(origin);
  const response = await session.fetch(`${origin}/a`);
  expect(response.status).toBe(200);
  expect(occurrences(TOKEN, [response.statusText, response, recordedEvents(directory)])).toEqual([]);
});

test("a service that names a field of its answer after the token does not hand it to the agent", async () => {
  const origin = await rawService((socket, seen) => {
    socket.end(`HTTP/1.1 200 OK\r\nX-${tokenIn(seen)}: 1\r\nx-other: 1\r\ncontent-length: 2\r\n\r\n{}`);
  });
  const { session } = await guarded(origin, staticSecret({ scheme: "bearer", secret: TOKEN.toUpperCase() }));
  const response = await session.fetch(`${origin}/a`);
  expect(response.headers.get("x-other")).toBe("1");
  expect(occurrences(TOKEN, [[...response.headers], response])).toEqual([]);
});

test("an answer that is no HTTP and holds the token is an error without it", async () => {
  const origin = await rawService((socket, seen) => {
    socket.end(`HTTP/1.1 200 OK\r\nthis is no header field ${tokenIn(seen)}\r\n\r\n`);
  });
  const { session, log, directory } = await guarded(origin);
  const error: unknown = await session.fetch(`${origin}/a`).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(TypeError);
  expect(occurrences(TOKEN, [error, log.lines, recordedEvents(directory)])).toEqual([]);
});

test("a credential that cannot be a header field is an error without it, and nothing is sent", async () => {
  let arrived = 0;
  const origin = await rawService(() => arrived++);
  const { session, log, directory } = await guarded(origin, {
    issue: async ({ scopes }) => ({
      secret: new Secret(`${TOKEN}\r\nx-admin: true`),
      placement: { in: "header", name: "authorization", prefix: "Bearer " },
      scope: scopes,
      lifetimeMs: 60_000,
      revocable: false,
    }),
  });
  const error: unknown = await session.fetch(`${origin}/a`).catch((caught: unknown) => caught);
  expect(error).toBeInstanceOf(Error);
  expect(occurrences(TOKEN, [error, log.lines, recordedEvents(directory)])).toEqual([]);
  expect(arrived).toBe(0);
});

test("an agent cannot have the echo of its token cut into pieces that nothing finds", async () => {
  const origin = await rawService((socket, seen) => {
    // In a way that nobody knows: the service and the agent may have agreed on it.
    const [, from, to] = /cut=(\d+)-(\d+)/i.exec(seen) ?? [];
    const body = tokenIn(seen);
    const piece = from === undefined ? body : body.slice(Number(from), Number(to) + 1);
    const status =
      from === undefined ? "200 OK" : `206 Partial Content\r\ncontent-range: bytes ${from}-${to}/${body.length}`;
    socket.end(`HTTP/1.1 ${status}\r\ncontent-type: text/plain\r\ncontent-length: ${piece.length}\r\n\r\n${piece}`);
  });
  const { session } = await guarded(origin);
  const whole = await session.fetch(`${origin}/echo`);
  expect(await whole.text()).toBe("[REDACTED:CREDENTIAL]");
  let collected = "";
  for (let at = 0; at < TOKEN.length; at += 8) {
    const piece = await session.fetch(`${origin}/echo?cut=${at}-${at + 7}`).then(
      (response) => response.text(),
      (error: unknown) => findGuardError(error)?.code,
    );
    collected += piece;
  }
  expect(collected).toBe("MEDIA_REFUSED".repeat(Math.ceil(TOKEN.length / 8)));
});
