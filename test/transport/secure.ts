import { readFileSync } from "node:fs";
import { createServer, type ServerOptions } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import type { ResolvedAddress } from "../../src/transport/index.js";
import { later } from "./support.js";

/** A file of `certificates/`, which `make.sh` there made. */
export const pem = (name: string): string => readFileSync(new URL(`certificates/${name}`, import.meta.url), "utf8");

/** What a server knows of the connection a request came on. */
export interface Seen {
  readonly servername: string;
  /** Common name of the client certificate, or null. */
  readonly client: string | null;
  readonly path: string;
}

export interface SecureUpstream {
  readonly port: number;
  readonly seen: Seen[];
  /** Connections that were accepted and came through the handshake. */
  readonly connections: TLSSocket[];
}

/** A TLS server on loopback, vouched for by authority one (`server`) or two (`stranger`), that asks for a client certificate. */
export async function secureUpstream(
  name: "server" | "stranger" = "server",
  options: ServerOptions = {},
  answer?: (path: string) => Readonly<Record<string, string>> & { readonly status?: string },
): Promise<SecureUpstream> {
  const seen: Seen[] = [];
  const connections: TLSSocket[] = [];
  const server = createServer(
    {
      key: pem(`${name}.key`),
      cert: pem(`${name}.pem`),
      ca: pem("one-ca.pem"),
      requestCert: true,
      rejectUnauthorized: false,
      ...options,
    },
    (request, response) => {
      const socket = request.socket as TLSSocket & { servername?: string };
      // None where there is no certificate, whatever the types say.
      const { subject } = socket.getPeerCertificate() as { readonly subject?: { readonly CN: string } };
      const path = request.url ?? "";
      seen.push({
        servername: String(socket.servername),
        client: socket.authorized ? (subject?.CN ?? null) : null,
        path,
      });
      const { status = "200", ...headers } = answer?.(path) ?? {};
      response.writeHead(Number(status), headers).end("here");
    },
  );
  server.on("secureConnection", (socket) => connections.push(socket));
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as AddressInfo).port, seen, connections };
}

/** Every name is on loopback. */
export const toLoopback = async (): Promise<ResolvedAddress[]> => [{ address: "127.0.0.1", family: 4 }];
