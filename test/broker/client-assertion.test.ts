import { rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { generateKeyPair, jwtVerify, SignJWT } from "jose";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import {
  type ClientAuthentication,
  clientCredentials,
  createTokenBroker,
  githubActionsToken,
  type TokenBroker,
} from "../../src/broker/index.js";
import type { OptionsError } from "../../src/errors/guard-error.js";
import { temporaryDirectory } from "../support/guards.js";
import {
  ask,
  bearerOf,
  type HostileServer,
  json,
  never,
  occurrences,
  session,
  startHostileServer,
  TOKEN,
} from "./support.js";

/*
 * Workload identity federation: the platform's own token is the client's proof. The server here checks it as Entra ID does:
 * signature, issuer, subject, audience, time, and that nothing else proves the client.
 */

const PLATFORM = "https://kubernetes.internal.example";
const SUBJECT = "system:serviceaccount:agents:refund-agent";
const { privateKey, publicKey } = await generateKeyPair("RS256");

let server: HostileServer;
let broker: TokenBroker | undefined;
let presented: string[];

beforeEach(async () => {
  presented = [];
  server = await startHostileServer();
  server.answer = async (response, request, body) => {
    const assertion = body.get("client_assertion") ?? "";
    presented.push(assertion);
    const expected = { issuer: PLATFORM, subject: SUBJECT, audience: "api://AzureADTokenExchange" };
    const isSound =
      body.get("client_assertion_type") === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" &&
      body.get("client_id") === "refund-agent" &&
      !body.has("client_secret") &&
      request.headers.authorization === undefined &&
      (await jwtVerify(assertion, publicKey, expected).then(
        () => true,
        () => false,
      ));
    if (!isSound) return json(response, 401, { error: "invalid_client" });
    json(response, 200, { access_token: TOKEN, token_type: "Bearer", expires_in: 300 });
  };
});
afterEach(async () => {
  await broker?.close();
  await server.close();
});

const assertion = (change: { readonly expiresIn?: number; readonly jti?: string } = {}): Promise<string> => {
  const now = Math.floor(Date.now() / 1000);
  return new SignJWT({ jti: change.jti ?? "1" })
    .setProtectedHeader({ alg: "RS256", kid: "platform" })
    .setIssuer(PLATFORM)
    .setSubject(SUBJECT)
    .setAudience("api://AzureADTokenExchange")
    .setIssuedAt(now)
    .setExpirationTime(now + (change.expiresIn ?? 600))
    .sign(privateKey);
};

const brokerWith = (authentication: ClientAuthentication): TokenBroker => {
  broker = createTokenBroker({
    providers: {
      crm: clientCredentials({
        issuer: server.issuer,
        clientId: "refund-agent",
        authentication,
        formats: ["opaque"],
        allowInsecure: true,
      }),
    },
  });
  return broker;
};
const call = (by: TokenBroker, id: string): Promise<string> =>
  by.authorise(ask({ session: session({ id }) }), never).then(bearerOf, (error: { reason: string }) => error.reason);

describe("a client that a platform vouches for", () => {
  it("18: presents the file that is mounted, and the one that is there after it was rotated", async () => {
    const file = join(temporaryDirectory(), "azure-identity-token");
    const [first, second] = [await assertion({ jti: "1" }), await assertion({ jti: "2" })];
    writeFileSync(file, first);
    const by = brokerWith({ method: "client_assertion", assertion: { file } });
    expect(await call(by, "one")).toBe(TOKEN);
    writeFileSync(file, `${second}\n`);
    expect(await call(by, "two")).toBe(TOKEN);
    expect(presented).toEqual([first, second]);
  });

  it("goes on with the last one while the file is away, as long as that lasts", async () => {
    const file = join(temporaryDirectory(), "token");
    writeFileSync(file, await assertion());
    const by = brokerWith({ method: "client_assertion", assertion: { file } });
    expect(await call(by, "one")).toBe(TOKEN);
    rmSync(file);
    expect(await call(by, "two")).toBe(TOKEN);
    expect(new Set(presented).size).toBe(1);
  });

  it.each<[string, () => Promise<string>, string]>([
    ["has expired", () => assertion({ expiresIn: -60 }), "unreachable"],
    ["is empty", async () => "", "misconfigured"],
  ])("sends nothing where the file %s", async (_what, content, reason) => {
    const file = join(temporaryDirectory(), "token");
    writeFileSync(file, await content());
    const by = brokerWith({ method: "client_assertion", assertion: { file } });
    expect(await call(by, "one")).toBe(reason);
    expect(presented).toEqual([]);
  });

  it("sends nothing where there is no file and never was one", async () => {
    const file = join(temporaryDirectory(), "nothing-here");
    const by = brokerWith({ method: "client_assertion", assertion: { file } });
    expect(await call(by, "one")).toBe("misconfigured");
    expect(presented).toEqual([]);
  });

  it("presents what the endpoint of GitHub Actions gives for the audience", async () => {
    const token = await assertion();
    const asked: string[] = [];
    const runner = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.authorization}`);
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ value: token }));
    });
    await new Promise<void>((resolve) => runner.listen(0, "127.0.0.1", resolve));
    const before = { ...process.env };
    const url = `http://127.0.0.1:${(runner.address() as AddressInfo).port}/token?v=1`;
    Object.assign(process.env, { ACTIONS_ID_TOKEN_REQUEST_URL: url, ACTIONS_ID_TOKEN_REQUEST_TOKEN: "runner" });
    onTestFinished(() => {
      for (const name of ["ACTIONS_ID_TOKEN_REQUEST_URL", "ACTIONS_ID_TOKEN_REQUEST_TOKEN"]) {
        if (before[name] === undefined) delete process.env[name];
        else process.env[name] = before[name];
      }
      runner.close();
    });
    const source = githubActionsToken({ audience: "api://AzureADTokenExchange", allowInsecure: true });
    const by = brokerWith({ method: "client_assertion", assertion: source });
    expect(await call(by, "one")).toBe(TOKEN);
    expect(asked).toEqual(["/token?v=1&audience=api%3A%2F%2FAzureADTokenExchange Bearer runner"]);
  });

  it("20: has its assertion in no error, event or object, and searched for in responses", async () => {
    const token = await assertion();
    server.answer = (response) => json(response, 400, { error: "invalid_client", error_description: token });
    const by = brokerWith({ method: "client_assertion", assertion: async () => token });
    const error = await by.authorise(ask(), never).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ reason: "client_rejected" });
    expect(occurrences(token, [error, by])).toEqual([]);
    expect(by.knownSecrets().isIn(`{"echo":"${token}"}`)).toBe(true);
  });

  it.each([
    ["a text", "ey.j.x"],
    ["nothing", undefined],
    ["a number", 5],
  ])("is not made of %s", (_what, wrong) => {
    try {
      brokerWith({ method: "client_assertion", assertion: wrong as never });
      expect.unreachable();
    } catch (error) {
      const { problems } = error as OptionsError;
      expect(problems.map(({ pointer }) => pointer)).toEqual(["/authentication/assertion"]);
    }
  });
});
