import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { bare } from "../../request/captured.js";
import type { HttpProxy } from "./proxy-options.js";

/** The last as undici has it for connections that it opens itself. */
type TunnelFaultCode = "PROXY_REFUSED" | "PROXY_BROKEN" | "UND_ERR_CONNECT_TIMEOUT";

/** Why there is no tunnel. Its message holds nothing that the proxy wrote. */
export class TunnelFault extends Error {
  override readonly name: string = "TunnelFault";
  readonly code: TunnelFaultCode;
  /** What the proxy answered, where it refused. */
  readonly status: number | undefined;
  constructor(code: TunnelFaultCode, message: string, status?: number) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

/** A proxy that cannot reach one address may reach another of the same name. */
const UNREACHED: ReadonlySet<number | undefined> = new Set([502, 503, 504]);
export const mayTryAnother = (error: unknown): boolean =>
  error instanceof TunnelFault && error.code === "PROXY_REFUSED" && UNREACHED.has(error.status);

/** Host and port as CONNECT names them (RFC 9110 section 9.3.6). */
export const authorityOf = (host: string, port: number): string =>
  host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;

/**
 * Asks a proxy, over a connection to it, for a tunnel to one place. Afterwards the socket is the tunnel. A proxy that sends
 * anything before it was sent something is answering a request that nobody has made yet.
 */
export async function askForTunnel(socket: Socket, proxy: HttpProxy, authority: string): Promise<void> {
  const { request } = await import("node:http"); // Node's own parser, with its limits
  const authorization = proxy.authorization();
  await new Promise<void>((resolve, reject) => {
    const broken = (error?: unknown): void =>
      reject(
        error instanceof TunnelFault
          ? error
          : new TunnelFault("PROXY_BROKEN", `${nameOf(proxy)} gave no answer that could be used`),
      );
    const asked = request(
      bare({
        createConnection: () => socket,
        method: "CONNECT",
        path: authority,
        setHost: false,
        maxHeaderSize: 16_384,
        headers: bare(
          { host: authority, connection: "keep-alive" },
          authorization === undefined ? {} : { "proxy-authorization": authorization },
        ),
      }),
    );
    asked.on("connect", ({ statusCode = 0 }: IncomingMessage, _socket: Socket, head: Buffer) => {
      if (statusCode < 200 || statusCode > 299)
        return reject(new TunnelFault("PROXY_REFUSED", `${nameOf(proxy)} answered ${statusCode}`, statusCode));
      if (head.length > 0)
        return reject(new TunnelFault("PROXY_BROKEN", `${nameOf(proxy)} sent bytes that nobody had asked for`));
      resolve();
    });
    asked.on("error", broken);
    asked.on("close", () => broken()); // without effect once it is settled
    asked.end();
  });
}

const nameOf = ({ hostname, port }: HttpProxy): string => `The proxy ${authorityOf(hostname, port)}`;
