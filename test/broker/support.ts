import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { inspect } from "node:util";
import {
  type BrokerEvent,
  type BrokerSession,
  type Credential,
  type CredentialProvider,
  type CredentialRequest,
  clientCredentials,
  type IssuedCredential,
  Secret,
} from "../../src/broker/index.js";
import { type Clock, systemClock } from "../../src/clock.js";
import { openAdded } from "../../src/transport/added.js";

export const never: { readonly signal: AbortSignal } = { signal: new AbortController().signal };
export const CRM = "https://crm.internal.example";
export const CRM_API = "https://crm.internal.example/api";

export const session = (change: Partial<BrokerSession> = {}): BrokerSession => ({
  id: "session-1",
  principal: { id: "alice", type: "human", issuer: "https://login.example" },
  agent: { id: "billing-bot" },
  ...change,
});

export const ask = (change: Partial<CredentialRequest> = {}): CredentialRequest => ({
  credential: "crm",
  service: "crm",
  origins: [CRM],
  session: session(),
  ...change,
});

/** Prototypes of the platform: they hold nobody's data, and some answer a wrong `this` with a rejection. */
const PLATFORM: readonly unknown[] = [
  ReadableStream,
  ReadableStreamBYOBReader,
  ReadableStreamDefaultReader,
  WritableStream,
  WritableStreamDefaultWriter,
].map(({ prototype }) => prototype);

/** Everything that can be got at by walking: own and inherited properties, also hidden ones, getters, symbols, text forms. */
export function everythingIn(root: unknown): string {
  const seen = new Set<unknown>(PLATFORM);
  const found: string[] = [];
  const walk = (value: unknown): void => {
    if (typeof value === "string") found.push(value);
    if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) return;
    seen.add(value);
    found.push(inspect(value, { depth: Number.POSITIVE_INFINITY, showHidden: true }));
    try {
      found.push(JSON.stringify(value) ?? "", String(value));
    } catch {
      // Cycles and null prototypes have no such form.
    }
    if (value instanceof Map || value instanceof Set) for (const item of value) walk(item);
    for (
      let at: object | null = value as object;
      at !== null && at !== Object.prototype && at !== Function.prototype;
      at = Object.getPrototypeOf(at)
    ) {
      for (const key of Reflect.ownKeys(at)) {
        if (typeof key === "string") found.push(key);
        try {
          walk(Reflect.get(at, key, value));
        } catch {
          // A getter that throws shows nothing.
        }
      }
    }
  };
  walk(root);
  return found.join("\n");
}

/** How often `secret` occurs, in the spellings in which it might have been copied. */
export function occurrences(secret: string, root: unknown): string[] {
  const text = everythingIn(root);
  const base64 = Buffer.from(secret).toString("base64").replace(/=+$/, "");
  return [secret, encodeURIComponent(secret), base64, Buffer.from(secret).toString("hex")].filter((form) =>
    text.includes(form),
  );
}

/** A provider whose answers the test decides, one by one. */
export interface ScriptedProvider extends CredentialProvider {
  readonly asked: {
    resolve(change?: Partial<IssuedCredential>): void;
    reject(error: unknown): void;
    readonly signal: AbortSignal;
  }[];
  readonly revoked: string[];
}

export function scriptedProvider(): ScriptedProvider {
  const asked: ScriptedProvider["asked"][number][] = [];
  const revoked: string[] = [];
  return {
    asked,
    revoked,
    issue: (request, { signal }) =>
      new Promise((resolve, reject) => {
        const number = asked.length + 1;
        asked.push({
          signal,
          reject,
          resolve: (change = {}) => resolve({ ...issued(`token-${number}-of-${request.session.id}`), ...change }),
        });
      }),
    async revoke(credential) {
      revoked.push(credential.secret.reveal());
      return "revoked";
    },
  };
}

/** Answers at once, with numbered tokens. */
export function readyProvider(
  change: Partial<IssuedCredential> = {},
): CredentialProvider & { readonly issuedTokens: string[]; readonly revoked: string[] } {
  const issuedTokens: string[] = [];
  const revoked: string[] = [];
  return {
    issuedTokens,
    revoked,
    async issue(request) {
      const token = `token-${issuedTokens.length + 1}-of-${request.session.id}`;
      issuedTokens.push(token);
      return { ...issued(token), scope: request.scopes, ...change };
    },
    async revoke(credential) {
      revoked.push(credential.secret.reveal());
      return "revoked";
    },
  };
}

export const issued = (token: string): IssuedCredential => ({
  secret: new Secret(token),
  placement: { in: "header", name: "authorization", prefix: "Bearer " },
  scope: [],
  lifetimeMs: 100_000,
  revocable: true,
});

/** What a credential would add to this request, as its transport is told. */
export const sentWith = async (
  credential: Credential,
  url: string = `${CRM_API}/accounts`,
): Promise<ReturnType<typeof openAdded>> => openAdded(await credential.addedFor({ method: "GET", url }));

export const bearerOf = async (credential: Credential): Promise<string> =>
  (await sentWith(credential)).headers[0]?.[1].replace("Bearer ", "") ?? "";

export const typesOf = (events: readonly BrokerEvent[]): string[] => events.map(({ type }) => type);

/** The real clock, on which the pauses between attempts are over at once; deadlines are real. */
export const impatientClock: Clock = {
  ...systemClock,
  schedule: (delayMs, callback) => systemClock.schedule(delayMs <= 2_000 ? 0 : delayMs, callback),
};

/** Lets everything that can go on without time or network go on. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** A hostile authorization server on loopback: metadata as it should be, every other answer as the test wants it. */
export interface HostileServer {
  readonly issuer: string;
  /** Bodies of the token requests so far. */
  readonly requests: URLSearchParams[];
  /** Bodies of the revocation requests so far. */
  readonly revocations: URLSearchParams[];
  answer: (response: ServerResponse, request: IncomingMessage, body: URLSearchParams) => void;
  revocationAnswer: (response: ServerResponse) => void;
  metadata: Record<string, unknown>;
  metadataAnswer: ((response: ServerResponse, request: IncomingMessage) => void) | undefined;
  close(): Promise<void>;
}

export async function startHostileServer(): Promise<HostileServer> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const hostile: HostileServer = {
    issuer,
    requests: [],
    revocations: [],
    answer: (response) => json(response, 200, {}),
    revocationAnswer: (response) => response.writeHead(200).end(),
    metadata: {
      issuer,
      token_endpoint: `${issuer}/token`,
      revocation_endpoint: `${issuer}/revoke`,
      jwks_uri: `${issuer}/jwks`,
    },
    metadataAnswer: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  server.on("request", async (request, response) => {
    let text = "";
    for await (const chunk of request) text += chunk;
    const body = new URLSearchParams(text);
    if (request.url === "/token") {
      hostile.requests.push(body);
      hostile.answer(response, request, body);
    } else if (request.url === "/revoke") {
      hostile.revocations.push(body);
      hostile.revocationAnswer(response);
    } else if (hostile.metadataAnswer !== undefined) hostile.metadataAnswer(response, request);
    else json(response, 200, hostile.metadata);
  });
  return hostile;
}

export function json(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

export const TOKEN = "s3cr3t-access-token.of_the-hostile~server";
export const CLIENT_SECRET = "client-secret-that-nobody-may-see";

/** A provider for the hostile server. */
export const hostileProvider = (
  server: HostileServer,
  change: Partial<Parameters<typeof clientCredentials>[0]> = {},
): CredentialProvider =>
  clientCredentials({
    issuer: server.issuer,
    clientId: "crm-agent",
    authentication: { method: "client_secret_post", secret: CLIENT_SECRET },
    formats: ["opaque", "at+jwt"],
    allowInsecure: true,
    timeoutMs: 20_000,
    ...change,
  });
