import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as the server saw it; names in lower case, repeated fields joined as HTTP joins them. */
export interface Arrived {
  readonly method: string;
  readonly target: string;
  readonly to: "A" | "B";
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export type Answer = (request: IncomingMessage, response: ServerResponse, body: Buffer) => void;

/** Two origins of one server, on which each operation runs once for each fetch. */
export interface Lab {
  readonly a: string;
  readonly b: string;
  /** An origin where nobody listens. */
  readonly closed: string;
  /** What has arrived since the last `reset`. */
  readonly arrived: Arrived[];
  reset(answer: Answer): void;
  /** Text in which the origins have names instead of ports. */
  neutral(text: string): string;
  close(): Promise<void>;
}

export const plain: Answer = (_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end('{"ok":true}');
};

export async function openLab(): Promise<Lab> {
  let answer: Answer = plain;
  const arrived: Arrived[] = [];
  const listener =
    (to: "A" | "B"): RequestListener =>
    (request, response) => {
      const chunks: Buffer[] = [];
      let isNoted = false;
      const note = (): void => {
        if (isNoted) return;
        isNoted = true;
        const headers = Object.fromEntries(
          Object.entries(request.headersDistinct).map(([name, values]) => [name, (values ?? []).join(", ")]),
        );
        const body = Buffer.concat(chunks);
        arrived.push({ method: request.method ?? "", target: request.url ?? "", to, headers, body: latin1(body) });
        answer(request, response, body);
      };
      request.on("data", (chunk: Buffer) => chunks.push(chunk));
      request.on("error", () => undefined);
      response.on("error", () => undefined);
      request.on("end", note);
    };
  const [a, b, closed] = await Promise.all([listen(listener("A")), listen(listener("B")), listen(listener("A"))]);
  await stop(closed.server);
  return {
    a: a.origin,
    b: b.origin,
    closed: closed.origin,
    arrived,
    reset(next) {
      arrived.length = 0;
      answer = next;
    },
    neutral: (text) =>
      text
        // First: its digits are random, and can hold a port's.
        .replaceAll(/(?:----)?formdata-undici-\d+/g, "BOUNDARY")
        .replaceAll(a.host, "A")
        .replaceAll(b.host, "B")
        .replaceAll(closed.host, "CLOSED")
        .replaceAll(closed.port, "PORT"),
    close: async () => {
      await Promise.all([stop(a.server), stop(b.server)]);
    },
  };
}

const latin1 = (bytes: Buffer): string => bytes.toString("latin1");

async function listen(
  listener: RequestListener,
): Promise<{ server: Server; origin: string; host: string; port: string }> {
  const server = createServer(listener);
  server.keepAliveTimeout = 60_000;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return { server, origin: `http://127.0.0.1:${port}`, host: `127.0.0.1:${port}`, port: String(port) };
}

const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
