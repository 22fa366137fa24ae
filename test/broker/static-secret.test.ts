import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inspect } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type BrokerEvent,
  createTokenBroker,
  Secret,
  type StaticSecretOptions,
  staticSecret,
  type TokenBroker,
} from "../../src/broker/index.js";
import { ask, bearerOf, never, occurrences, sentWith, session } from "./support.js";

const KEY = "static-key-of-the-crm";
let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sallyport-broker-"));
});
afterAll(() => rm(directory, { recursive: true }));

const brokerFor = (options: StaticSecretOptions, onEvent: (event: BrokerEvent) => void = () => {}): TokenBroker =>
  createTokenBroker({ providers: { crm: staticSecret(options) }, onEvent });

describe("where the secret goes", () => {
  test.each<[StaticSecretOptions, [string, string][], string]>([
    [{ scheme: "bearer", secret: KEY }, [["authorization", `Bearer ${KEY}`]], ""],
    [{ scheme: "basic", username: "bot", secret: KEY }, [["authorization", `Basic ${btoa(`bot:${KEY}`)}`]], ""],
    [{ scheme: "header", name: "X-Api-Key", secret: KEY }, [["x-api-key", KEY]], ""],
    [
      { scheme: "header", name: "authorization", prefix: "Token ", secret: KEY },
      [["authorization", `Token ${KEY}`]],
      "",
    ],
    [{ scheme: "query", name: "api_key", secret: KEY }, [], `api_key=${KEY}`],
  ])("%j", async (options, headers, query) => {
    const credential = await brokerFor(options).authorise(ask(), never);
    expect(await sentWith(credential)).toMatchObject({ headers, query });
    await expect(sentWith(credential, "https://evil.example/")).rejects.toThrow(/another origin/);
  });

  test("it is in nothing that can be reached, and among the live secrets in all its spellings", async () => {
    const events: BrokerEvent[] = [];
    const options = { scheme: "basic", username: "bot", secret: new Secret(KEY) } as const;
    const broker = brokerFor(options, (event) => void events.push(event));
    const credential = await broker.authorise(ask({ scopes: ["read"] }), never);
    expect(occurrences(KEY, [credential, broker, events, options])).toEqual([]);
    expect([...broker.liveSecrets()]).toEqual(expect.arrayContaining([KEY, btoa(`bot:${KEY}`)]));
    expect(credential.facts.scope).toEqual([]);
    await broker.closeSession("session-1");
    expect(events.map(({ type }) => type)).toEqual(["issued", "not_revocable"]);
  });

  test("its fingerprint is stable and is no digest that could be tried out", async () => {
    const broker = brokerFor({ scheme: "bearer", secret: KEY });
    const kids = await Promise.all(
      ["a", "b"].map(async (id) => (await broker.authorise(ask({ session: session({ id }) }), never)).facts.kid),
    );
    const elsewhere = await brokerFor({ scheme: "bearer", secret: KEY }).authorise(ask(), never);
    expect(kids[0]).toBe(kids[1]);
    expect(elsewhere.facts.kid).not.toBe(kids[0]);
  });
});

describe("where the secret comes from", () => {
  test("a file is read anew for every credential, without its last line break", async () => {
    const file = join(directory, "key");
    await writeFile(file, "first-key\n");
    const broker = brokerFor({ scheme: "bearer", secret: { file } });
    const first = await broker.authorise(ask(), never);
    await writeFile(file, "second-key\r\n");
    first.invalidate();
    const second = await broker.authorise(ask(), never);
    expect(await Promise.all([first, second].map(bearerOf))).toEqual(["first-key", "second-key"]);
  });

  test("an environment variable and a function are read too", async () => {
    process.env["SALLYPORT_TEST_KEY"] = "key-from-env";
    const fromEnv = await brokerFor({ scheme: "bearer", secret: { env: "SALLYPORT_TEST_KEY" } }).authorise(
      ask(),
      never,
    );
    delete process.env["SALLYPORT_TEST_KEY"];
    const fromFunction = await brokerFor({ scheme: "bearer", secret: async () => "key-from-code" }).authorise(
      ask(),
      never,
    );
    expect(await bearerOf(fromEnv)).toBe("key-from-env");
    expect(await bearerOf(fromFunction)).toBe("key-from-code");
  });

  test.each<[string, StaticSecretOptions["secret"]]>([
    ["a missing file", { file: "/nonexistent/sallyport-key" }],
    ["an unset variable", { env: "SALLYPORT_UNSET" }],
    ["a function that gives nothing", () => ""],
    ["a function that gives no text", () => 1 as never],
    ["a function that throws the secret", () => Promise.reject(new Error(KEY))],
    ["a value with a line break", () => `${KEY}\r\nx-injected: 1`],
    ["a value outside ASCII", () => `${KEY}ü`],
  ])("%s is a refusal that says nothing of it", async (_what, secret) => {
    const error: unknown = await brokerFor({ scheme: "bearer", secret })
      .authorise(ask(), never)
      .catch((reason) => reason);
    expect(error).toMatchObject({ code: "CREDENTIAL_REFUSED", reason: "misconfigured" });
    expect(occurrences(KEY, error)).toEqual([]);
  });
});

describe("options", () => {
  test.each<[object, string[]]>([
    [{ scheme: "digest", secret: KEY }, ["/scheme"]],
    [{ scheme: "bearer", secret: "" }, ["/secret"]],
    [{ scheme: "bearer", secret: { env: "A", file: "B" } }, ["/secret"]],
    [{ scheme: "basic", secret: KEY, username: "a:b" }, ["/username"]],
    [{ scheme: "header", secret: KEY, name: "Content-Length", prefix: "\n" }, ["/name", "/prefix"]],
    [{ scheme: "header", secret: KEY, name: "host" }, ["/name"]],
    [{ scheme: "query", secret: KEY, name: "a&b" }, ["/name"]],
    [{ scheme: "bearer", secret: KEY, name: "x", maxAgeMs: -1 }, ["/name", "/maxAgeMs"]],
  ])("%j has its problems listed, without the secret", (options, pointers) => {
    try {
      staticSecret(options as never);
      expect.unreachable();
    } catch (error) {
      expect((error as { problems: { pointer: string }[] }).problems.map(({ pointer }) => pointer)).toEqual(pointers);
      expect(occurrences(KEY, error)).toEqual([]);
    }
  });
});

describe("a Secret", () => {
  test("shows itself in no form", () => {
    const secret = new Secret(KEY);
    const forms = [
      String(secret),
      `${secret}`,
      JSON.stringify({ secret }),
      inspect(secret),
      inspect({ secret }, { showHidden: true }),
      `${structuredClone({ ...secret })}`,
    ];
    for (const form of forms) expect(form).not.toContain(KEY);
    expect(occurrences(KEY, secret)).toEqual([]);
    expect(secret.reveal()).toBe(KEY);
  });

  test("is never empty", () => {
    expect(() => new Secret("")).toThrow(TypeError);
    expect(() => new Secret(undefined as never)).toThrow(TypeError);
  });
});
