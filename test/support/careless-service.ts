import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** One request as a careless service took it off the stream, which may be bytes that somebody sent as a body. */
export interface ParsedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: string;
  /** Which connection it came on, counted from 0. */
  readonly connection: number;
}

/** When the endpoint below `/early` responds: before the body, or once some of it has arrived. */
export type Timing = "with the head" | "a turn later" | "with the first byte of the body";

export interface CarelessService {
  readonly origin: string;
  readonly port: number;
  /** Everything that was taken for a request, in order. */
  readonly parsed: ParsedRequest[];
  /** All that came in, by connection, in Latin-1. */
  readonly received: string[];
  readonly sockets: Socket[];
}

/**
 * A service that reads HTTP/1.1 by hand and has one careless endpoint: a POST below `/early` gets its response without its
 * body being read, and whatever follows on the connection is read as the next request. Everything else is correct.
 *
 * @param obeysClose whether it stops after a request that says `connection: close`, as RFC 9112 section 9.6 demands.
 */
export async function startCarelessService(
  timing: Timing,
  obeysClose: boolean,
  listenFor: (onConnection: (socket: Socket) => void) => Server = createServer,
): Promise<CarelessService> {
  const parsed: ParsedRequest[] = [];
  const received: string[] = [];
  const sockets: Socket[] = [];
  const server = listenFor((socket) => {
    const connection = sockets.push(socket) - 1;
    received[connection] = "";
    socket.on("error", () => {});
    serve(socket, connection);
  });
  const serve = (socket: Socket, connection: number): void => {
    let buffered = "";
    let isBusy = false;
    const respond = (path: string, headers: ReadonlyMap<string, string>): void => {
      const text = `${path} for ${headers.get("authorization") ?? "nobody"}`;
      socket.write(`HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: ${text.length}\r\n\r\n${text}`);
      if (obeysClose && headers.get("connection") === "close") socket.end();
      else isBusy = false;
    };
    const parse = (): void => {
      for (;;) {
        const end = buffered.indexOf("\r\n\r\n");
        if (isBusy || end === -1) return;
        const [first = "", ...lines] = buffered.slice(0, end).split("\r\n");
        const [method = "", path = ""] = first.split(" ");
        const headers = new Map(
          lines.map((line) => {
            const colon = line.indexOf(":");
            return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
          }),
        );
        const length = Number(headers.get("content-length") ?? 0);
        const isEarly = method === "POST" && path.startsWith("/early");
        if (isEarly && timing === "with the first byte of the body" && buffered.length === end + 4) return;
        if (!isEarly && buffered.length < end + 4 + length) return;
        const body = isEarly ? "" : buffered.slice(end + 4, end + 4 + length);
        buffered = buffered.slice(end + 4 + body.length);
        parsed.push({ method, path, headers, body, connection });
        isBusy = true;
        if (isEarly && timing === "a turn later")
          setImmediate(() => {
            respond(path, headers);
            parse();
          });
        else respond(path, headers);
      }
    };
    socket.on("data", (bytes) => {
      received[connection] += bytes.toString("latin1");
      buffered += bytes.toString("latin1");
      parse();
    });
  };
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { origin: `http://127.0.0.1:${port}`, port, parsed, received, sockets };
}
