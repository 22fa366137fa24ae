import { spawn, spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = "/usr/bin/glewlwyd";
const SCHEMA = "/usr/share/dbconfig-common/data/glewlwyd/install/sqlite3";
const MODULES = "/usr/lib/glewlwyd";

/** Glewlwyd 2.7 as Debian packages it: an OpenID provider in C that nobody here wrote. */
export interface Glewlwyd {
  readonly issuer: string;
  /** Asks the server itself whether a token still works (RFC 7662). */
  isActive(token: string): Promise<boolean>;
  addClient(client: Readonly<Record<string, unknown>>): Promise<void>;
  close(): Promise<void>;
}

/** Whether it is installed, with what its database is made with. */
export const isInstalled = (): boolean =>
  existsSync(PROGRAM) && existsSync(SCHEMA) && spawnSync("sqlite3", ["-version"]).status === 0;

/** Starts one on loopback with a database of its own; everything is configured through its API, as an operator does. */
export async function startGlewlwyd(): Promise<Glewlwyd> {
  const directory = mkdtempSync(join(tmpdir(), "glewlwyd-"));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const database = join(directory, "glewlwyd.db");
  const made = spawnSync("sqlite3", [database], { input: readFileSync(SCHEMA) });
  if (made.status !== 0) throw new Error(`the database of Glewlwyd could not be made: ${made.stderr}`);
  writeFileSync(join(directory, "glewlwyd.conf"), configuration(port, url, database));
  const server = spawn(PROGRAM, ["--config-file", join(directory, "glewlwyd.conf")], { stdio: "pipe" });
  let said = "";
  server.stdout.on("data", (chunk: Buffer) => (said += String(chunk)));
  server.stderr.on("data", (chunk: Buffer) => (said += String(chunk)));
  const ended = new Promise<void>((resolve) => server.on("exit", () => resolve()));
  const close = async (): Promise<void> => {
    server.kill("SIGTERM");
    await ended;
    rmSync(directory, { recursive: true, force: true });
  };
  try {
    await untilReachable(url, () => server.exitCode === null);
    const admin = await login(url);
    const call = async (method: string, path: string, body: unknown): Promise<void> => {
      const response = await fetch(`${url}/api${path}`, {
        method,
        headers: { cookie: admin, "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    };
    for (const name of ["notes:read", "introspect"]) {
      await call("POST", "/scope/", { name, display_name: name, password_required: false, scheme: {} });
    }
    const issuer = `${url}/api/oidc`;
    await call("POST", "/mod/plugin/", {
      module: "oidc",
      name: "oidc",
      display_name: "OpenID",
      parameters: plugin(issuer),
    });
    const addClient: Glewlwyd["addClient"] = (client) =>
      call("POST", "/client/", { enabled: true, confidential: true, redirect_uri: [], ...client });
    const inspector = { client_id: "inspector", client_secret: "s3cret-of-the-inspector" };
    await addClient({
      ...inspector,
      name: "inspector",
      scope: ["introspect"],
      authorization_type: ["client_credentials"],
      token_endpoint_auth_method: ["client_secret_basic"],
    });
    const basic = `Basic ${Buffer.from(`${inspector.client_id}:${inspector.client_secret}`).toString("base64")}`;
    return {
      issuer,
      addClient,
      close,
      async isActive(token) {
        const form = { "content-type": "application/x-www-form-urlencoded" };
        const asked = await fetch(`${issuer}/token`, {
          method: "POST",
          headers: { ...form, authorization: basic },
          body: new URLSearchParams({ grant_type: "client_credentials", scope: "introspect" }),
        });
        const { access_token: own } = (await asked.json()) as { access_token: string };
        const response = await fetch(`${issuer}/introspect`, {
          method: "POST",
          headers: { ...form, authorization: `Bearer ${own}` },
          body: new URLSearchParams({ token, token_type_hint: "access_token" }),
        });
        const answer = (await response.json()) as { active?: unknown };
        if (typeof answer.active !== "boolean") throw new Error(`introspection says ${response.status}`);
        return answer.active;
      },
    };
  } catch (error) {
    await close();
    throw new Error(`Glewlwyd did not start: ${String(error)}\n${said.slice(-2000)}`);
  }
}

const plugin = (iss: string): Readonly<Record<string, unknown>> => ({
  iss,
  "jwt-type": "ecdsa",
  "jwt-key-size": "256",
  ...signingKey(),
  "access-token-duration": 300,
  "refresh-token-duration": 600,
  "code-duration": 60,
  "allow-non-oidc": true,
  "auth-type-client-enabled": true,
  "auth-type-refresh-enabled": true,
  "jwks-show": true,
  "client-pubkey-parameter": "pubkey",
  "client-jwks-parameter": "jwks",
  "request-parameter-allow": true,
  "introspection-revocation-allowed": true,
  "introspection-revocation-auth-scope": ["introspect"],
  "introspection-revocation-allow-target-client": true,
  "oauth-dpop-allowed": true,
  "oauth-dpop-iat-duration": 60,
  "oauth-dpop-nonce-mandatory": true,
  "oauth-dpop-nonce-counter": 100,
  "resource-allowed": true,
  "resource-scope": { "notes:read": ["https://notes.internal.example/api"] },
});

function signingKey(): { readonly key: string; readonly cert: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  return {
    key: privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    cert: publicKey.export({ type: "spki", format: "pem" }).toString(),
  };
}

const configuration = (port: number, url: string, database: string): string => `
port=${port}
bind_address="127.0.0.1"
external_url="${url}"
login_url="login.html"
api_prefix="api"
log_mode="console"
log_level="ERROR"
session_key="GLEWLWYD2_SESSION_ID"
admin_scope="g_admin"
profile_scope="g_profile"
user_module_path="${MODULES}/user"
client_module_path="${MODULES}/client"
user_auth_scheme_module_path="${MODULES}/scheme"
plugin_module_path="${MODULES}/plugin"
hash_algorithm = "SHA512"
database = { type = "sqlite3"; path = "${database}"; };
`;

async function login(url: string): Promise<string> {
  const response = await fetch(`${url}/api/auth/`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ username: "admin", password: "password" }),
  });
  const [cookie] = response.headers.getSetCookie();
  if (!response.ok || cookie === undefined) throw new Error(`login: ${response.status} ${await response.text()}`);
  return cookie.split(";")[0] ?? "";
}

/** Its own socket says when it is there: tried anew until it is, or the program has ended. */
async function untilReachable(url: string, isRunning: () => boolean): Promise<void> {
  for (;;) {
    const isThere = await fetch(`${url}/api/`).then(
      () => true,
      () => false,
    );
    if (isThere) return;
    if (!isRunning()) throw new Error("the program has ended");
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}
