import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** One request as it arrived at the service that a client was written for. */
export interface Received {
  readonly method: string;
  readonly path: string;
  readonly url: URL;
  readonly headers: IncomingMessage["headers"];
  readonly body: Buffer;
}

/** Answers as the service would. */
export type Answer = (request: Received, reply: Reply) => void | Promise<void>;

/** What a service can say, in one line each. */
export interface Reply {
  json(value: unknown, status?: number, headers?: Readonly<Record<string, string>>): void;
  bytes(value: Uint8Array | string, type: string): void;
  redirect(status: number, location: string): void;
  /** Writes the first part, waits until the client says that it has it, and only then writes the rest. */
  stream(type: string, parts: readonly string[]): Promise<void>;
  readonly raw: ServerResponse;
}

/** A real HTTP server on loopback that plays a service and remembers what it was asked. */
export interface Vendor {
  readonly origin: string;
  readonly received: Received[];
  /** Tells a stream that waits that its first part has been seen. Without this, it never goes on. */
  seen(): void;
  close(): Promise<void>;
}

export async function startVendor(answer: Answer): Promise<Vendor> {
  const received: Received[] = [];
  let waiting: (() => void) | undefined;
  const server = createServer((request, response) => {
    readRequest(request, () => origin())
      .then(async (one) => {
        received.push(one);
        const first = (): Promise<void> => new Promise((resolve) => (waiting = resolve));
        await answer(one, replyOn(response, first));
      })
      .catch((error: unknown) => response.writeHead(599).end(String(error)));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    origin: origin(),
    received,
    seen: () => waiting?.(),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function readRequest(request: IncomingMessage, origin: () => string): Promise<Received> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const url = new URL(request.url ?? "/", origin());
  return {
    method: request.method ?? "",
    path: url.pathname,
    url,
    headers: request.headers,
    body: Buffer.concat(chunks),
  };
}

const replyOn = (raw: ServerResponse, firstIsSeen: () => Promise<void>): Reply => ({
  raw,
  json(value, status = 200, headers = {}) {
    raw.writeHead(status, { "content-type": "application/json", ...headers });
    raw.end(JSON.stringify(value));
  },
  bytes(value, type) {
    raw.writeHead(200, { "content-type": type });
    raw.end(value);
  },
  redirect(status, location) {
    raw.writeHead(status, { location });
    raw.end();
  },
  async stream(type, [first = "", ...rest]) {
    raw.writeHead(200, { "content-type": type, "cache-control": "no-cache" });
    const seen = firstIsSeen();
    raw.write(first);
    await seen;
    for (const part of rest) raw.write(part);
    raw.end();
  },
});

/** Server-sent events as most model APIs send them, with the closing line of OpenAI's. */
export const events = (values: readonly unknown[], last = "data: [DONE]\n\n"): readonly string[] => [
  ...values.map((value) => `data: ${JSON.stringify(value)}\n\n`),
  last,
];
