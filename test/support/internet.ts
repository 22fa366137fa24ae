import { readFileSync } from "node:fs";
import { createServer as createPlainServer, type RequestListener } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, isIP, type LookupFunction, type Server, Socket } from "node:net";
import { onTestFinished } from "vitest";
import type { GuardOptions } from "../../src/index.js";
import type { ReceivedRequest } from "./upstream.js";

// Made for these tests alone; valid for the names of the request cases until 2126.
const pem = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const certificate = pem("internet-certificate.pem");

/** A request as it arrived, and the name that was asked for. */
export interface Arrived extends ReceivedRequest {
  /** Scheme, host and port as the client wrote them. */
  readonly origin: string;
}

/** What a server of the internet does with a request. */
export interface Answer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Closes the connection afterwards. */
  readonly close?: boolean;
  /** Never answers. */
  readonly hang?: boolean;
}

/** An internet of this machine: real sockets, real TLS, any address. */
export interface Internet {
  /** Transport options for a guard that is connected to it. */
  readonly transport: NonNullable<GuardOptions["transport"]>;
  readonly received: Arrived[];
  /** Names that were looked up, in order. */
  readonly lookups: string[];
  /** Addresses that a socket was opened to, in order. */
  readonly dialled: string[];
}

/**
 * Starts it. `names` gives the answers of the resolver, one for each time it is asked, the last one for good. Whatever
 * address a socket is opened to is noted, and answered by a server on loopback, over TLS on port 443.
 */
export async function startInternet(
  names: Readonly<Record<string, readonly (readonly string[])[]>>,
  answer: (request: Arrived) => Answer = () => ({}),
): Promise<Internet> {
  const received: Arrived[] = [];
  const lookups: string[] = [];
  const dialled: string[] = [];
  const listener =
    (scheme: string): RequestListener =>
    (request, response) => {
      const chunks: Buffer[] = [];
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("error", () => undefined);
      request.on("end", () => {
        const { method = "", url = "", headers, rawHeaders } = request;
        const origin = `${scheme}://${headers.host}`;
        const arrived: Arrived = { method, url, origin, headers, rawHeaders, body: Buffer.concat(chunks) };
        received.push(arrived);
        const {
          status = 200,
          headers: fields = {},
          body = '{"ok":true}',
          close = false,
          hang = false,
        } = answer(arrived);
        if (hang) return;
        response.writeHead(status, {
          "content-type": "application/json",
          ...(close ? { connection: "close" } : {}),
          ...fields,
        });
        response.end(body);
      });
    };
  const plain = createPlainServer(listener("http"));
  const secure = createSecureServer({ key: pem("internet-key.pem"), cert: certificate }, listener("https"));
  const ports = { plain: await listen(plain), secure: await listen(secure) };
  onTestFinished(() => {
    for (const server of [plain, secure]) {
      server.closeAllConnections();
      server.close();
    }
  });
  rerouteSockets(dialled, ports);
  const asked = new Map<string, number>();
  const lookup = async (hostname: string): Promise<readonly { address: string; family: 4 | 6 }[]> => {
    lookups.push(hostname);
    const turn = asked.get(hostname) ?? 0;
    asked.set(hostname, turn + 1);
    const answers = Object.hasOwn(names, hostname) ? names[hostname] : undefined;
    const found = answers?.[Math.min(turn, answers.length - 1)] ?? [];
    return found.map((address) => ({ address, family: isIP(address) === 6 ? 6 : 4 }));
  };
  return { transport: { lookup, ca: certificate }, received, lookups, dialled };
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

interface Target {
  host?: string;
  port?: number | string;
  lookup?: LookupFunction;
}

/** The one place where a packet could leave: notes where a socket is to go, and takes it to loopback. */
function rerouteSockets(dialled: string[], ports: { readonly plain: number; readonly secure: number }): void {
  const connect = Socket.prototype.connect;
  onTestFinished(() => {
    Socket.prototype.connect = connect;
  });
  Socket.prototype.connect = function (this: Socket, ...parameters: unknown[]): Socket {
    const [first] = parameters;
    // `net.connect` hands on what it has normalised: a list of options and callback.
    const target = (Array.isArray(first) ? first[0] : first) as Target;
    const { host = "", port, lookup } = target;
    // To a server of this machine, such as a broker's authorization server.
    if (host === "127.0.0.1" && Number(port) !== 443 && Number(port) !== 80)
      return Reflect.apply(connect, this, parameters) as Socket;
    const loopback = Number(port) === 443 ? ports.secure : ports.plain;
    if (lookup === undefined || isIP(host) !== 0) {
      dialled.push(host);
      target.host = "127.0.0.1";
    } else {
      target.lookup = (hostname, options, callback) =>
        lookup(hostname, { ...options, all: true }, (error, found) => {
          if (error !== null) return callback(error, "");
          dialled.push(...(found as { address: string }[]).map(({ address }) => address));
          if (options.all === true) callback(null, [{ address: "127.0.0.1", family: 4 }]);
          else callback(null, "127.0.0.1", 4);
        });
    }
    target.port = loopback;
    return Reflect.apply(connect, this, parameters) as Socket;
  } as typeof connect;
}
