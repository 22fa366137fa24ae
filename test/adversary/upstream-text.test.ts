import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { describe, expect, it, onTestFinished } from "vitest";
import { staticSecret } from "../../src/broker/index.js";
import { oidcIdentity } from "../../src/identity/index.js";
import { type GuardOptions, isGuardError, type PolicyDocument } from "../../src/index.js";
import { CLIENT_SECRET, hostileProvider, occurrences, startHostileServer } from "../broker/support.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { pem, secureUpstream, toLoopback } from "../transport/secure.js";

/** Rule: whatever an upstream wrote is masked before it enters an error, a model's text, a stack, a cause or the record. */

/** With letters of both cases, and with what URLs, JSON and base64 write otherwise. */
const TOKEN = "sk-Live/9f3c+Qw7~ZxK2=";
const CARD = "4111111111111111";
const MAIL = "grace@example.com";
const encoded = encodeURIComponent;
const everyByte = (text: string): string =>
  [...Buffer.from(text)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");

type Respond = (socket: Socket, request: string) => void;

/** A service that writes to the socket whatever it likes. */
async function rawService(respond: Respond): Promise<string> {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    let seen = "";
    socket.on("data", (data) => {
      seen += data.toString("latin1");
      if (seen.includes("\r\n\r\n")) respond(socket, seen);
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What it repeats is what it was sent. */
const tokenIn = (request: string): string => /authorization: Bearer (\S+)/i.exec(request)?.[1] ?? "";

const ALL: PolicyDocument["rules"][number] = {
  id: "all",
  effect: "allow",
  service: "api",
  methods: ["*"],
  path: "/**",
  record: "both",
};

interface World {
  readonly policy?: Partial<PolicyDocument["services"][string]>;
  readonly rules?: PolicyDocument["rules"];
  readonly options?: Partial<GuardOptions>;
  readonly init?: RequestInit;
}

/** A guard before a service that answers each call as the call says, and everything that anybody is told of them. */
async function watched({ policy, rules = [ALL], options, init }: World = {}) {
  let arrived = 0;
  let respond: Respond = () => undefined;
  const origin = await rawService((socket, request) => {
    if (tokenIn(request) === TOKEN) arrived++;
    respond(socket, request);
  });
  const asked: unknown[] = [];
  const { session, directory, log } = await testGuard({
    policy: loopbackPolicy(origin, rules, { credential: "crm", ...policy }),
    credentials: { crm: staticSecret({ scheme: "bearer", secret: TOKEN }) },
    approvals: {
      request: async (question, control) => {
        asked.push(question);
        return control.deny({ id: "boss", idp: "directory" });
      },
    },
    ...options,
  });
  return {
    async call(answer: Respond) {
      respond = answer;
      let error: unknown;
      const response = await session.fetch(`${origin}/a`, init).catch((caught: unknown) => {
        error = caught;
      });
      await response?.text().catch((caught: unknown) => {
        error = caught;
      });
      return { error: everything(error), code: codeOf(error), response, arrived };
    },
    async records(): Promise<string> {
      await session.close();
      return JSON.stringify([recordedEvents(directory), log.lines, asked]);
    },
  };
}

async function toldOf(respond: Respond, world: World = {}) {
  const { call, records } = await watched(world);
  const told = await call(respond);
  return { ...told, all: told.error + (await records()) };
}

const codeOf = (error: unknown): string | undefined =>
  isGuardError(error)
    ? error.code
    : error instanceof Error
      ? (codeOf(error.cause) ?? (error as { code?: string }).code ?? error.name)
      : undefined;

/** An error with whatever a program or a person could get out of it. */
function everything(root: unknown): string {
  const seen = new Set<unknown>();
  const texts: string[] = [];
  const look = (value: unknown, depth: number): void => {
    if (typeof value === "string") texts.push(value);
    if (value instanceof Uint8Array) texts.push(Buffer.from(value).toString("latin1"));
    if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value) || depth > 12)
      return;
    seen.add(value);
    for (
      let holder: object | null = value;
      holder !== null && holder !== Object.prototype;
      holder = Reflect.getPrototypeOf(holder)
    )
      for (const key of Reflect.ownKeys(holder)) {
        texts.push(String(key));
        try {
          look(Reflect.get(holder, key, value), depth + 1);
        } catch {
          // A getter that wants another receiver tells nothing.
        }
      }
    if (isGuardError(value)) texts.push(value.toModelText(), JSON.stringify(value), JSON.stringify(value.toProblem()));
    if (value instanceof Error) texts.push(String(value), String(value.stack));
  };
  look(root, 0);
  return texts.join("\n");
}

const location =
  (target: (token: string) => string, status = 302): Respond =>
  (socket, request) =>
    request.startsWith("GET /a ")
      ? socket.end(`HTTP/1.1 ${status} Found\r\nlocation: ${target(tokenIn(request))}\r\ncontent-length: 0\r\n\r\n`)
      : socket.destroy();

const SPELLINGS: readonly (readonly [string, (text: string) => string])[] = [
  ["as it is", (text) => text],
  ["percent-encoded", encoded],
  ["with every byte encoded", everyByte],
  ["encoded twice", (text) => encoded(encoded(text))],
];

const PLACES: readonly (readonly [string, (text: string) => string])[] = [
  ["a path", (text) => `/next/${text}/x`],
  ["a query", (text) => `/next?a=1&session=${text}`],
  ["the name of a parameter", (text) => `/next?${text}=1`],
  ["a fragment", (text) => `/next#${text}`],
  ["a user name", (text) => `http://${text.replaceAll("/", "%2f")}:x@127.0.0.1:1/next`],
  ["a password", (text) => `http://x:${text.replaceAll("/", "%2f")}@127.0.0.1:1/next`],
  ["another host's path", (text) => `https://elsewhere.example/${text}`],
  ["another host's query", (text) => `//elsewhere.example/?t=${text}`],
  ["an invalid port", (text) => `http://127.0.0.1:99999/${text}`],
  ["an invalid host", (text) => `http://[${text}]/`],
  ["a URL without a host", (text) => `http:///${text}`],
  ["another scheme", (text) => `ftp://127.0.0.1/${text}`],
  ["a data URL", (text) => `data:text/plain,${text}`],
  ["a backslash", (text) => `/next\\${text}`],
  ["a broken escape", (text) => `/next/%zz/${text}`],
  ["a dot segment", (text) => `/next/%2e%2e;/${text}`],
];

const clean = (told: string, what: string, ...secrets: readonly string[]): void => {
  for (const secret of secrets) {
    expect(occurrences(secret, told), what).toEqual([]);
    expect(told.toLowerCase(), what).not.toContain(everyByte(secret).toLowerCase());
    expect(told, what).not.toContain(encoded(encoded(secret)));
  }
};

const WAYS: readonly (readonly [string, World])[] = [
  ["and whatever it leads to fails", {}],
  ["and no redirect is followed", { policy: { redirects: 0 } }],
  ["and no rule allows what it leads to", { rules: [{ ...ALL, path: "/a" }] }],
  [
    "and a person is asked",
    {
      rules: [
        { ...ALL, path: "/a" },
        { ...ALL, id: "ask", effect: "approve", path: "/next/**" },
      ],
    },
  ],
  ["and the caller wants none", { init: { redirect: "error" } }],
  ["and masking is off", { options: { masking: false } }],
];

describe("a credential in a redirect's Location", () => {
  it.each(WAYS)("%s, in any place and spelling", async (_way, world) => {
    const { call, records } = await watched(world);
    for (const [spelling, spell] of SPELLINGS)
      for (const [place, at] of PLACES) {
        const { error, code, arrived } = await call(location((token) => at(spell(token))));
        expect(arrived).toBeGreaterThan(0);
        expect(code, `${place}, ${spelling}`).toBeDefined();
        clean(error, `${place}, ${spelling}`, TOKEN);
      }
    clean(await records(), "the record", TOKEN);
  });
});

describe("personal data in a redirect's Location", () => {
  it.each(WAYS.slice(0, 5))("%s, in any place and spelling", async (_way, world) => {
    const { call, records } = await watched(world);
    for (const [spelling, spell] of SPELLINGS)
      for (const [place, at] of PLACES)
        clean((await call(location(() => at(spell(`c ${MAIL} ${CARD}`))))).error, `${place}, ${spelling}`, MAIL, CARD);
    clean(await records(), "the record", MAIL, CARD);
  });

  it("a redirect without any is told as it is", async () => {
    const told = await toldOf(
      location(() => "/next/42?page=2"),
      { rules: [{ ...ALL, path: "/a" }] },
    );
    expect(told.code).toBe("REDIRECT_REFUSED");
    expect(told.error).toMatch(/GET http:\/\/127\.0\.0\.1:\d+\/next\/42/);
    expect(told.all).toContain("/next/42?page=2");
  });
});

const raw =
  (text: (token: string) => string): Respond =>
  (socket, request) =>
    socket.end(text(tokenIn(request)), "latin1");

const RESPONSES: readonly (readonly [string, Respond])[] = [
  ["no HTTP at all", raw((token) => `${token}\r\n\r\n`)],
  ["another protocol's version", raw((token) => `HTTP/${token} 200 OK\r\n\r\n`)],
  ["a status that is no number", raw((token) => `HTTP/1.1 ${token} OK\r\n\r\n`)],
  ["a line that is no field", raw((token) => `HTTP/1.1 200 OK\r\n no field ${token}\r\n\r\n`)],
  ["a field's name with a blank", raw((token) => `HTTP/1.1 200 OK\r\nx ${token}: 1\r\n\r\n`)],
  ["a content-length", raw((token) => `HTTP/1.1 200 OK\r\ncontent-length: ${token}\r\n\r\n`)],
  ["two lengths", raw((token) => `HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2${token}\r\n\r\n`)],
  ["a transfer-coding", raw((token) => `HTTP/1.1 200 OK\r\ntransfer-encoding: ${token}\r\n\r\nx`)],
  ["a chunk's size", raw((token) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n${token}\r\n\r\n`)],
  ["a chunk's extension", raw((token) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;${token}\0\r\nx\r\n`)],
  [
    "a trailer",
    raw((token) => `HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx-${token}: ${token}\r\n\r\n`),
  ],
  ["a body that is cut off", raw((token) => `HTTP/1.1 200 OK\r\ncontent-length: 999\r\n\r\n${token}`)],
  [
    "gzip that is none",
    raw((token) => `HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 22\r\n\r\n${token}`),
  ],
  [
    "brotli that is none",
    raw((token) => `HTTP/1.1 200 OK\r\ncontent-encoding: br\r\ncontent-length: 22\r\n\r\n${token}`),
  ],
  ["too many codings", raw((token) => `HTTP/1.1 200 OK\r\ncontent-encoding: ${"gzip,".repeat(9)}${token}\r\n\r\n`)],
  ["an unknown coding", raw((token) => `HTTP/1.1 200 OK\r\ncontent-encoding: ${token}\r\ncontent-length: 1\r\n\r\nx`)],
  [
    "a media type",
    raw((token) => `HTTP/1.1 200 OK\r\ncontent-type: text/plain; x="${token}"\r\ncontent-length: 1\r\n\r\nx`),
  ],
  [
    "the name of a media type",
    raw((token) => `HTTP/1.1 200 OK\r\ncontent-type: x/${token}\r\ncontent-length: 1\r\n\r\nx`),
  ],
  ["a reason phrase", raw((token) => `HTTP/1.1 500 ${token}\r\ncontent-length: 1\r\n\r\nx`)],
  [
    "a challenge",
    raw(
      (token) =>
        `HTTP/1.1 401 No\r\nwww-authenticate: Bearer realm="${token}", error="invalid_token", error_description="${token}", scope="${token}"\r\ncontent-length: 0\r\n\r\n`,
    ),
  ],
  [
    "fields of the response",
    raw(
      (token) =>
        `HTTP/1.1 200 OK\r\nx-request-id: ${token}\r\nserver: ${token}\r\ncontent-disposition: a; filename="${token}"\r\nlink: <${token}>\r\nset-cookie: ${token}=${token}\r\ncontent-length: 1\r\n\r\nx`,
    ),
  ],
  ["a 206", raw((token) => `HTTP/1.1 206 ${token}\r\ncontent-range: bytes 0-0/${token}\r\ncontent-length: 1\r\n\r\nx`)],
  [
    "JSON that breaks off",
    raw((token) => `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 25\r\n\r\n{"${token}`),
  ],
  ["an early hint", raw((token) => `HTTP/1.1 103 ${token}\r\nlink: <${token}>\r\n\r\n${token}`)],
  [
    "another protocol",
    raw((token) => `HTTP/1.1 101 ${token}\r\nupgrade: ${token}\r\nconnection: upgrade\r\n\r\n${token}`),
  ],
];

describe("a credential that a service writes into", () => {
  it.each(RESPONSES)("%s", async (_what, respond) => {
    for (const options of [{}, { masking: false }, { masking: { unmaskable: "refuse" } }] as const) {
      const told = await toldOf(respond, { options });
      expect(told.arrived).toBe(1);
      clean(told.all, "", TOKEN);
      const { response } = told;
      if (response !== undefined)
        expect(occurrences(TOKEN, [response.statusText, response.url, [...response.headers]])).toEqual([]);
    }
  });
});

describe("a host that a redirect names", () => {
  const NAME = "sk-Live-9f3cQw7ZxK2";
  const at = (origin: string, resolve: () => Promise<readonly { address: string; family: 4 }[]>) =>
    testGuard({
      policy: {
        version: 1,
        services: {
          api: { origins: [origin, "https://*.tenant.example"], addresses: ["127.0.0.0/8"], credential: "crm" },
        },
        rules: [ALL],
      },
      credentials: { crm: staticSecret({ scheme: "bearer", secret: NAME }) },
      transport: { lookup: resolve },
    });
  const unknown = (host: string): Promise<never> =>
    Promise.reject(Object.assign(new Error(`getaddrinfo ENOTFOUND ${host}`), { code: "ENOTFOUND", hostname: host }));

  it.each([
    ["that no name server knows", unknown, "ENOTFOUND"],
    ["that is inside", async () => [{ address: "10.0.0.1", family: 4 as const }], "ADDRESS_REFUSED"],
    ["that nobody listens at", async () => [{ address: "127.0.0.1", family: 4 as const }], "ECONNREFUSED"],
  ])("%s is not told where it is called after the credential", async (_what, resolve, code) => {
    for (const named of [true, false]) {
      const host = named ? `${NAME.toLowerCase()}.tenant.example` : "plain.tenant.example";
      const origin = await rawService(location(() => `https://${host}/x`));
      const { session, directory, log } = await at(origin, () => resolve(host));
      const error: unknown = await session.fetch(`${origin}/a`).catch((caught: unknown) => caught);
      expect(codeOf(error)).toBe(code);
      const told = everything(error) + JSON.stringify([recordedEvents(directory), log.lines]);
      if (named) expect(told.toLowerCase()).not.toContain(NAME.toLowerCase());
      else expect(told).toContain(host);
    }
  });
});

describe("a fault of the network", () => {
  it("does not tell what stands in a certificate, and does tell what is wrong", async () => {
    const { port } = await secureUpstream();
    const { session, directory } = await testGuard({
      policy: loopbackPolicy(`https://other.example:${port}`, [ALL]),
      transport: { lookup: toLoopback, ca: pem("one-ca.pem") },
    });
    const error: unknown = await session.fetch(`https://other.example:${port}/a`).catch((caught: unknown) => caught);
    expect(error).toMatchObject({
      message: "fetch failed",
      cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID", message: "The certificate is for other names than the host's" },
    });
    expect(everything(error) + JSON.stringify(recordedEvents(directory))).not.toMatch(/crm\.example|billing\.example/);
  });

  it("keeps its class, its code and its message where they are Node's own", async () => {
    const origin = await rawService((socket) => socket.destroy());
    const { session } = await testGuard({ policy: loopbackPolicy(origin, [ALL]) });
    const error = (await session.fetch(`${origin}/a`).catch((caught: unknown) => caught)) as Error;
    expect(error.cause).toMatchObject({ name: "SocketError", code: "UND_ERR_SOCKET", message: "other side closed" });
  });

  it("through a fetch of the host's holds no bytes of the response", async () => {
    for (const [, respond] of RESPONSES.slice(0, 5)) {
      const told = await toldOf(respond, { options: { transport: { fetch: globalThis.fetch } } });
      expect(told.error).toContain("HTTPParserError");
      clean(told.all, "", TOKEN);
    }
  });

  it("of the caller's own stream is the caller's, with all that hangs on it", async () => {
    const origin = await rawService(() => undefined);
    const { session } = await testGuard({ policy: loopbackPolicy(origin, [ALL]) });
    const mine = Object.assign(new Error("mine"), { data: "mine", host: "mine" });
    const body = new ReadableStream({ pull: (controller) => controller.error(mine) });
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    const error = (await session.fetch(`${origin}/a`, init).catch((caught: unknown) => caught)) as Error;
    expect(error.cause).toBe(mine);
    expect(mine).toMatchObject({ data: "mine", host: "mine" });
  });
});

describe("an authorization server that repeats what it was sent", () => {
  it.each([
    ["in the description of its error", (sent: string) => ({ error: "invalid_grant", error_description: sent })],
    ["in the code of its error", (sent: string) => ({ error: sent })],
    ["in the place of a token's type", (sent: string) => ({ access_token: "x", token_type: sent, expires_in: 60 })],
    ["in a scope", (sent: string) => ({ access_token: "x", token_type: "Bearer", expires_in: 60, scope: sent })],
  ])("%s", async (_what, answer) => {
    const server = await startHostileServer();
    onTestFinished(() => server.close());
    server.answer = (response, _request, body) => {
      const sent = body.get("client_secret") ?? "nothing was sent";
      expect(sent).toBe(CLIENT_SECRET);
      const headers = { "content-type": "application/json", "www-authenticate": sent };
      response.writeHead(400, sent, headers).end(JSON.stringify(answer(sent)));
    };
    const told = await toldOf(() => undefined, { options: { credentials: { crm: hostileProvider(server) } } });
    expect(told.code).toMatch(/^CREDENTIAL_/);
    clean(told.all, "", CLIENT_SECRET);
  });
});

describe("an issuer that writes something into the place of its keys", () => {
  it.each([404, 500, 200])("which answers %s, does not find it in an error", async (status) => {
    const server = await startHostileServer();
    onTestFinished(() => server.close());
    const place = `${server.issuer}/keys-of-${MAIL}`;
    const metadata = { issuer: server.issuer, jwks_uri: place };
    let asked = 0;
    server.metadataAnswer = (response, request) => {
      const isKeys = request.url?.startsWith("/keys-of-") === true;
      if (isKeys) asked++;
      response
        .writeHead(isKeys ? status : 200, { "content-type": "application/json" })
        .end(isKeys ? MAIL : JSON.stringify(metadata));
    };
    const identity = oidcIdentity({ issuer: server.issuer, audience: "guard", allowInsecure: true });
    const { guard } = await testGuard({ policy: loopbackPolicy(server.issuer, [ALL]), identity });
    const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
    const identityToken = `${part({ alg: "ES256", typ: "JWT", kid: "1" })}.${part({ iss: server.issuer })}.AAAA`;
    const opening = guard.openSession({ identityToken, agent: { id: "a" }, purpose: "p" });
    const error: unknown = await opening.catch((caught: unknown) => caught);
    expect(asked).toBeGreaterThan(0);
    expect(codeOf(error)).toBe("IDENTITY_UNAVAILABLE");
    expect(everything(error)).toContain(`The key set of ${server.issuer}`);
    clean(everything(error), "", MAIL);
  });
});
