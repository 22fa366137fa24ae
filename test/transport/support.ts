import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { type AddressInfo, createServer as createRawServer, type Server as RawServer, type Socket } from "node:net";
import { afterEach } from "vitest";
import { type AddressRule, compileAddressRule } from "../../src/request/address.js";
import {
  type BodySource,
  type Connections,
  createUndiciTransport,
  type HopRequest,
  Sending,
} from "../../src/transport/index.js";
import type { SendOptions } from "../../src/transport/transport.js";
import type { UndiciTransportOptions } from "../../src/transport/transport-options.js";

const cleanUps: (() => Promise<unknown> | unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

/** Runs after the test, last registered first. */
export const later = (cleanUp: () => Promise<unknown> | unknown): void => void cleanUps.push(cleanUp);

const listen = async (server: RawServer): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
};

export interface Upstream {
  readonly server: Server;
  readonly port: number;
  readonly origin: string;
  /** All connections ever accepted. */
  readonly sockets: Socket[];
}

/** A real HTTP server on loopback. */
export async function upstream(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Upstream> {
  const server = createServer(answer);
  const sockets: Socket[] = [];
  server.on("connection", (socket) => sockets.push(socket));
  const port = await listen(server);
  later(() => {
    server.closeAllConnections();
    server.close();
  });
  return { server, port, origin: `http://127.0.0.1:${port}`, sockets };
}

/** A raw TCP server: for what is really on the wire, and for answers no HTTP server would give. */
export async function rawUpstream(onSocket: (socket: Socket) => void): Promise<{ origin: string; port: number }> {
  const sockets = new Set<Socket>();
  const server = createRawServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onSocket(socket);
  });
  const port = await listen(server);
  later(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { origin: `http://127.0.0.1:${port}`, port };
}

/** The connections of one session, over a transport of their own; closing them closes the transport. */
export function transport(options: UndiciTransportOptions = {}): Connections {
  const made = createUndiciTransport(options);
  later(() => made.close());
  return { send: made.connections().send, close: () => made.close() };
}

export const LOOPBACK: AddressRule = compileAddressRule(["127.0.0.0/8", "::1/128"]);
export const PUBLIC_ONLY: AddressRule = compileAddressRule();

/** A hop as the guard would make it, with the parts a test cares about. */
export function hop(url: string, parts: Partial<HopRequest> = {}): HopRequest {
  const { href, origin, pathname, search } = new URL(url);
  return {
    method: "GET",
    url: href,
    origin,
    path: pathname + search,
    headers: [],
    body: null,
    addresses: LOOPBACK,
    ...parts,
  };
}

/** A sending that this signal breaks off. */
export const under = (signal: AbortSignal): SendOptions => ({ signal, sending: new Sending() });

/** A sending that nobody breaks off. */
export const calm = (): SendOptions => under(new AbortController().signal);

export async function readAll(body: BodySource | null): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await body?.read(); chunk; chunk = await body?.read()) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export const readText = async (body: BodySource | null): Promise<string> => (await readAll(body)).toString();

/** The error a promise rejects with; fails the test when it does not. */
export const errorOf = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error("expected a rejection");
};

/** Lets pending I/O happen until `condition` holds. Bounded by the test's own time-out. */
export const until = async (condition: () => boolean): Promise<void> => {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
};

/** Waits until a measure has not moved for many turns of the event loop. */
export const standstill = async (measure: () => number): Promise<void> => {
  let last = measure();
  let still = 0;
  await until(() => {
    still = measure() === last ? still + 1 : 0;
    last = measure();
    return still > 2_000;
  });
};
