import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { CUSTOMERS, type Customer, INVOICES, type Refund } from "./ledger-data.js";

/** What reached the ledger: its own side of every story the guard tells. */
export interface LedgerEntry {
  readonly method: string;
  /** Path and query as received. */
  readonly target: string;
  readonly status: number;
  readonly bodyBytes: number;
  /** SHA-256 of the body as received, in hex; `""` without a body. */
  readonly bodySha256: string;
  /** What the authorization server said of the token; absent where there was no good one. */
  readonly subject?: string;
  readonly actor?: string;
  readonly scope?: string;
}

/** A small internal service on loopback. */
export interface Ledger {
  readonly origin: string;
  /** Everything that reached it, in order. Holds no token. */
  readonly received: readonly LedgerEntry[];
  readonly refunds: readonly Refund[];
  /** A record as it is, for the "before" of a before and after. */
  customer(id: string): Customer | undefined;
  /** Every bearer token it was ever sent: only the place a token was sent to can prove that it was seen nowhere else. */
  tokensSeen(): readonly string[];
  close(): Promise<void>;
}

export interface LedgerOptions {
  /** Asks the authorization server about a token (RFC 7662). */
  readonly introspect: (token: string) => Promise<Readonly<Record<string, unknown>>>;
  /** Whom tokens must be for. */
  readonly audience: string;
}

/** The scopes that the ledger knows. */
export const LEDGER_SCOPES: readonly string[] = ["customers:read", "invoices:read", "refunds:write", "admin"];

/** Starts the ledger: real HTTP, each route behind a scope, each token introspected for every request. */
export async function startLedger(options: LedgerOptions): Promise<Ledger> {
  const received: LedgerEntry[] = [];
  const refunds: Refund[] = [];
  const tokens = new Set<string>();
  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { status, body, seen } = await answer(request, options, refunds, tokens).catch(() => BROKEN);
    const { method = "", url: target = "" } = request;
    received.push({ method, target, status, bodyBytes: 0, bodySha256: "", ...seen });
    send(response, status, body, challengeOf(status, body));
  };
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    refunds,
    customer: (id) => CUSTOMERS.find((customer) => customer.id === id),
    tokensSeen: () => [...tokens],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

interface Reply {
  readonly status: number;
  readonly body: unknown;
  readonly seen: Partial<LedgerEntry>;
}

const BROKEN: Reply = { status: 500, body: { error: "internal" }, seen: {} };

interface Caller {
  readonly subject: string;
  readonly actor?: string;
  readonly scope: string;
}

interface Route {
  readonly method: string;
  readonly path: RegExp;
  readonly scope: string;
  readonly handle: (call: RouteCall) => { readonly status: number; readonly body: unknown };
}

interface RouteCall {
  readonly parameter: string;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  readonly caller: Caller;
  readonly refunds: Refund[];
}

const ROUTES: readonly Route[] = [
  { method: "GET", path: /^\/api\/customers\/([^/]+)$/, scope: "customers:read", handle: readCustomer },
  { method: "GET", path: /^\/api\/invoices$/, scope: "invoices:read", handle: listInvoices },
  { method: "POST", path: /^\/api\/refunds$/, scope: "refunds:write", handle: makeRefund },
  {
    method: "DELETE",
    path: /^\/admin\/customers\/([^/]+)$/,
    scope: "admin",
    handle: () => ({ status: 204, body: null }),
  },
  { method: "GET", path: /^\/admin\/api-keys$/, scope: "admin", handle: () => ({ status: 200, body: { keys: [] } }) },
];

async function answer(
  request: IncomingMessage,
  options: LedgerOptions,
  refunds: Refund[],
  tokens: Set<string>,
): Promise<Reply> {
  const body = await readBody(request);
  if (body === null) return { status: 413, body: { error: "too large" }, seen: {} };
  const facts =
    body.length === 0 ? {} : { bodyBytes: body.length, bodySha256: createHash("sha256").update(body).digest("hex") };
  const caller = await authenticate(request.headers.authorization, options, tokens);
  if (caller === null) return { status: 401, body: { error: "invalid_token" }, seen: facts };
  const seen = { ...facts, ...caller };
  const url = new URL(request.url ?? "/", "http://ledger");
  for (const { method, path, scope, handle } of ROUTES) {
    const match = path.exec(url.pathname);
    if (match === null || method !== request.method) continue;
    if (!caller.scope.split(" ").includes(scope))
      return { status: 403, body: { error: "insufficient_scope", scope }, seen };
    return { ...handle({ parameter: match[1] ?? "", query: url.searchParams, body, caller, refunds }), seen };
  }
  return { status: 404, body: { error: "not found" }, seen };
}

/** Asks anew for every request: a token that was revoked a moment ago is good for nothing. */
async function authenticate(
  header: string | undefined,
  { introspect, audience }: LedgerOptions,
  tokens: Set<string>,
): Promise<Caller | null> {
  const token = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? "")?.[1];
  if (token === undefined) return null;
  tokens.add(token);
  const facts = await introspect(token);
  if (facts["active"] !== true || ![facts["aud"]].flat().includes(audience)) return null;
  const act = facts["act"];
  const actor = typeof act === "object" && act !== null && "sub" in act ? String(act.sub) : undefined;
  return {
    subject: String(facts["sub"]),
    scope: String(facts["scope"] ?? ""),
    ...(actor === undefined ? {} : { actor }),
  };
}

function readCustomer({ parameter }: RouteCall): { readonly status: number; readonly body: unknown } {
  const customer = CUSTOMERS.find(({ id }) => id === parameter);
  return customer === undefined
    ? { status: 404, body: { error: "no such customer" } }
    : { status: 200, body: customer };
}

function listInvoices({ query }: RouteCall): { readonly status: number; readonly body: unknown } {
  const customer = query.get("customer");
  return { status: 200, body: { invoices: INVOICES.filter((invoice) => invoice.customer === customer) } };
}

function makeRefund({ body, caller, refunds }: RouteCall): { readonly status: number; readonly body: unknown } {
  let asked: Partial<Record<string, unknown>>;
  try {
    asked = JSON.parse(body.toString("utf8")) as Partial<Record<string, unknown>>;
  } catch {
    return { status: 400, body: { error: "not JSON" } };
  }
  const { invoice, cents, currency, reason } = asked;
  if (typeof cents !== "number" || INVOICES.every(({ id }) => id !== invoice)) {
    return { status: 422, body: { error: "no such invoice, or no amount" } };
  }
  const refund = {
    id: `ref-${9001 + refunds.length}`,
    invoice: String(invoice),
    cents,
    currency: String(currency),
    reason: String(reason),
    by: caller.subject,
  };
  refunds.push(refund);
  return { status: 201, body: refund };
}

const MAX_BODY = 64 * 1024;

async function readBody(request: IncomingMessage): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** What is wrong with the token (RFC 6750 section 3.1). */
function challengeOf(status: number, body: unknown): Readonly<Record<string, string>> {
  const { scope } = (body ?? {}) as { readonly scope?: string };
  const bearer = (what: string) => ({ "www-authenticate": `Bearer realm="ledger", ${what}` });
  if (status === 401) return bearer('error="invalid_token"');
  return status === 403 ? bearer(`error="insufficient_scope", scope="${scope}"`) : {};
}

function send(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): void {
  const text = body === null ? "" : JSON.stringify(body);
  response.writeHead(status, {
    "content-type": "application/json",
    "content-length": Buffer.byteLength(text),
    ...headers,
  });
  response.end(text);
}
