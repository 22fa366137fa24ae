import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { JWK } from "jose";
import { type AuthorizationServer, startAuthorizationServer } from "../../examples/demo/authorization-server.js";

/** Where the documentation's authorization server lives. */
export const LOGIN = "https://login.internal.example";
/** Another company's authorization server. */
export const PARTNER = "https://login.partner.example";
const API = "https://ledger.internal.example/api";

/** The documentation's services, all on one loopback port. */
export interface Services {
  /** A fetch that takes `https://….internal.example` there, and knows nothing else. */
  readonly fetch: typeof globalThis.fetch;
  /** What arrived, as `METHOD https://host/path`. */
  readonly received: string[];
  /** Every credential that arrived, to be searched for where none may be. */
  readonly credentials: Set<string>;
  close(): Promise<void>;
}

/** Tells a service what a token is good for. */
type Introspect = (token: string) => Promise<Readonly<Record<string, unknown>>>;

/** Starts the services. */
export async function startServices(introspect: Introspect | null): Promise<Services> {
  const received: string[] = [];
  const credentials = new Set<string>();
  const server = createServer((request, response) => {
    answer(request, response, received, credentials, introspect).catch(() => response.writeHead(500).end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const loopback = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rerouted = async (input: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const url = new URL(String(input));
    if (!url.hostname.endsWith(".internal.example") && url.hostname !== "api.github.com")
      throw new TypeError("fetch failed");
    const headers = new Headers(init.headers);
    headers.set("x-docs-host", url.host);
    return await fetch(loopback + url.pathname + url.search, { ...init, headers });
  };
  return {
    fetch: rerouted as typeof globalThis.fetch,
    received,
    credentials,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const ACCOUNT = { id: "42", name: "Grace Hopper", email: "grace@example.com", card: "4111 1111 1111 1111" };

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  received: string[],
  credentials: Set<string>,
  introspect: Introspect | null,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  const { pathname } = new URL(request.url ?? "/", "http://docs");
  received.push(`${request.method} https://${request.headers["x-docs-host"]}${request.url}`);
  const bearer = /^(?:Bearer|DPoP|Basic) (.+)$/.exec(request.headers.authorization ?? "")?.[1];
  const apiKey = request.headers["x-api-key"];
  for (const credential of [bearer, apiKey]) if (typeof credential === "string") credentials.add(credential);
  const json = (value: unknown, status = 200): void => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(value));
  };
  if (pathname === "/whoami") {
    const facts = bearer === undefined || introspect === null ? null : await introspect(bearer);
    const { sub, client_id, act, scope, aud, active, cnf } = facts ?? {};
    return json({
      active,
      user: sub,
      client: client_id,
      actor: (act as { sub?: string } | undefined)?.sub,
      scope,
      aud,
      ...(cnf === undefined ? {} : { bound: true, proof: typeof request.headers["dpop"] === "string" }),
    });
  }
  if (pathname === "/installation/repositories") {
    const { repositories = [] } = bearer === undefined || introspect === null ? {} : await introspect(bearer);
    return json({ repositories });
  }
  if (pathname === "/echo") return json({ authorization: request.headers.authorization, "x-api-key": apiKey });
  if (pathname === "/accounts/42/photo") {
    response.writeHead(200, { "content-type": "image/png" });
    return void response.end("not really a picture");
  }
  if (pathname === "/moved") {
    response.writeHead(302, { location: "https://elsewhere.internal.example/accounts/42" });
    return void response.end();
  }
  if (pathname === "/events") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: mail gra");
    return void response.end("ce@example.com\n\n");
  }
  if (pathname === "/invitation") {
    response.setHeader("link", '</accept?mail=grace%40example.com>; rel="next"');
    return json({ ok: true });
  }
  if (pathname === "/answer") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (const content of ["mail gra", "ce@exam", "ple.com now"])
      response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`);
    return void response.end();
  }
  if (request.method === "GET" && pathname.startsWith("/invoices/")) {
    return json({ invoice: pathname.slice(10), cents: 4200, customer: ACCOUNT });
  }
  if (request.method === "POST") return json({ ok: true }, 201);
  return json(ACCOUNT);
}

/** The documentation's authorization server and what its readers have from it. */
export interface Login {
  readonly server: AuthorizationServer;
  readonly clientKey: JWK;
}

export async function startLogin(): Promise<Login> {
  const server = await startAuthorizationServer({
    clients: { "refund-agent": {} },
    resources: { [API]: { scopes: ["invoices:read", "refunds:write"], format: "opaque" } },
  });
  const clientKey = server.clientKeys["refund-agent"];
  if (clientKey === undefined) throw new Error("the client has no key");
  return { server, clientKey };
}
