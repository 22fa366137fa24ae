import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AuthorizationServer } from "../../examples/demo/authorization-server.js";
import { runDemoCommand } from "../../examples/demo/command.js";
import { type DemoResult, runDemo } from "../../examples/demo/demo.js";
import type { Ledger } from "../../examples/demo/ledger.js";
import { personalValues } from "../../examples/demo/ledger-data.js";
import { realParts, type WorldParts } from "../../examples/demo/world.js";
import { verifyAudit } from "../../src/audit/index.js";
import { run } from "../../src/cli/run.js";
import { everythingIn, type FakeIo, fakeIo, formsOf, leaksIn } from "../cli/support.js";

const never = new AbortController().signal;

/** The real parts, and what a test learns by standing at the authorization server and at the ledger. */
function watchedParts(): WorldParts & {
  readonly identityTokens: string[];
  readonly server: () => AuthorizationServer;
  readonly ledger: () => Ledger;
} {
  const identityTokens: string[] = [];
  let server: AuthorizationServer | undefined;
  let ledger: Ledger | undefined;
  return {
    identityTokens,
    server: () => server!,
    ledger: () => ledger!,
    async startAuthorizationServer(options) {
      const started = await realParts.startAuthorizationServer(options);
      server = {
        ...started,
        async issueUserToken(claims) {
          const token = await started.issueUserToken(claims);
          identityTokens.push(token);
          return token;
        },
      };
      return server;
    },
    async startLedger(options) {
      ledger = await realParts.startLedger(options);
      return ledger;
    },
  };
}

async function filesIn(directory: string): Promise<readonly string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

describe("one whole run", () => {
  const parts = watchedParts();
  const secrets = new Map<string, string>();
  const agentSaw: unknown[] = [];
  const logged: string[] = [];
  let walked: string | undefined;
  const reachable = (): string => {
    walked ??= everythingIn(agentSaw);
    return walked;
  };
  let io: FakeIo;
  let result: DemoResult;
  let record = "";
  let recordFiles: readonly string[] = [];
  let scratch = "";

  beforeAll(async () => {
    io = fakeIo();
    result = await runDemo(io, { interactive: false, quiet: false }, never, {
      parts,
      agentSaw: (value) => void agentSaw.push(value),
      logged: (line) => void logged.push(line),
      showOriginals: false,
      recordIn: async (directory) => {
        scratch = join(directory, "..");
        recordFiles = await filesIn(directory);
        const contents = await Promise.all(recordFiles.map((path) => readFile(path, "latin1")));
        record = [...recordFiles, ...contents].join("\n");
      },
    });
    parts
      .ledger()
      .tokensSeen()
      .forEach((token, index) => void secrets.set(`access token ${index}`, token));
    parts.identityTokens.forEach((token, index) => {
      secrets.set(`identity token ${index}`, token);
      secrets.set(`signature of identity token ${index}`, token.split(".")[2]!);
    });
    for (const [client, key] of Object.entries(parts.server().clientKeys))
      secrets.set(`private key of ${client}`, key.d!);
    personalValues().forEach((value, index) => void secrets.set(`personal value ${index}`, value));
  });

  test("every claim of the story holds, and there is one for each of its twelve steps at least", () => {
    expect(result.claims.filter(({ holds }) => !holds)).toEqual([]);
    expect(new Set(result.claims.map(({ step }) => step)).size).toBe(12);
    expect(result.ok).toBe(true);
  });

  test("a read's token that was kept where it was used reached the ledger with a write, and was refused for its scope", () => {
    const kept = parts.ledger().received.filter(({ scope, method }) => scope === "invoices:read" && method !== "GET");
    expect(kept).toMatchObject([{ method: "POST", target: "/api/refunds", status: 403, subject: "maria" }]);
    expect(io.out()).toContain('403 Bearer realm="ledger", error="insufficient_scope", scope="refunds:write"');
  });

  test("the secrets to look for are known from where they were made, and are all of them", () => {
    const issued = parts.server().tokenRequests.filter(({ outcome }) => outcome === "issued");
    expect(parts.ledger().tokensSeen()).toHaveLength(issued.length);
    expect(issued.length).toBe(5);
    expect(parts.identityTokens).toHaveLength(7);
    expect(secrets.size).toBe(5 + 7 * 2 + 1 + 14);
    expect([...secrets.values()].every((value) => value.length >= 10)).toBe(true);
  });

  test("nothing of them is in the audit directory", () => {
    expect(recordFiles.length).toBeGreaterThan(2);
    expect(record).toContain('"type":"request.completed"');
    expect(leaksIn(record, secrets)).toEqual([]);
  });

  test("nothing of them is in the operational log, which had nothing to report", () => {
    expect(leaksIn(logged.join("\n"), secrets)).toEqual([]);
    expect(logged).toEqual([]);
  });

  test("nothing of them is on standard output or standard error, once the ledger's own view is left out", () => {
    expect(io.out()).toContain("claims hold");
    expect(leaksIn(io.out() + io.err(), secrets)).toEqual([]);
  });

  test("nothing of them can be reached from anything the agent got to hold: session, responses, headers, errors", () => {
    expect(agentSaw.length).toBeGreaterThan(30);
    const everything = reachable();
    expect(everything).toContain("[REDACTED:CREDIT_CARD]");
    expect(leaksIn(everything, secrets)).toEqual([]);
  });

  test("no token of any kind is anywhere, not even one this test has not been told of", () => {
    const anyJwt = /eyJ[\w-]{10,}\.eyJ[\w-]{10,}/;
    for (const place of [record, logged.join("\n"), io.out(), io.err(), reachable()]) {
      expect(anyJwt.test(place)).toBe(false);
    }
    expect(parts.identityTokens.every((token) => anyJwt.test(token))).toBe(true);
  });

  test("the temporary record is gone, and both servers are closed", async () => {
    expect(existsSync(scratch)).toBe(false);
    await expect(fetch(parts.ledger().origin)).rejects.toThrow("fetch failed");
    await expect(fetch(parts.server().issuer)).rejects.toThrow("fetch failed");
  });
});

describe("the search for leaks itself", () => {
  const secret = "n3v3r-shown+to/anybody";
  test.each([
    ["a hidden property", Object.defineProperty({}, "hidden", { value: secret, enumerable: false })],
    ["the cause of a cause", new Error("a", { cause: new Error("b", { cause: { secret } }) })],
    ["a response header", new Response("", { headers: { "x-echo": secret } })],
    ["bytes", new TextEncoder().encode(`before ${secret} after`)],
    [
      "a getter on a prototype",
      new (class {
        get secret(): string {
          return secret;
        }
      })(),
    ],
    ["a property under a symbol", { [Symbol("s")]: secret }],
    ["Base64 in the middle of other bytes", Buffer.from(`xy${secret}z`).toString("base64")],
    ["base64url", Buffer.from(`x${secret}`).toString("base64url")],
    ["percent-encoding", `?q=${encodeURIComponent(secret)}`],
    ["hex", Buffer.from(secret).toString("hex")],
  ])("finds a secret in %s", (_where, root) => {
    expect(leaksIn(everythingIn(root), new Map([["it", secret]]))).toEqual(["it"]);
  });

  test("and does not find what is not there", () => {
    expect(leaksIn(everythingIn({ other: "text" }), new Map([["it", secret]]))).toEqual([]);
    expect(formsOf(secret).length).toBeGreaterThan(6);
  });
});

describe("npm run demo", () => {
  const directories: string[] = [];
  const temporary = async (): Promise<string> => {
    const directory = await mkdtemp(join(tmpdir(), "sallyport-test-"));
    directories.push(directory);
    return directory;
  };
  afterAll(async () => {
    for (const directory of directories) await rm(directory, { recursive: true, force: true });
  });

  test("shows the record before and after masking, side by side", async () => {
    const io = fakeIo();
    expect(await runDemoCommand([], io)).toBe(0);
    const line = io
      .out()
      .split("\n")
      .find((text) => text.includes("card "));
    expect(line).toMatch(/5425 2334 3010 9903 +\[REDACTED:CREDIT_CARD\]/);
    expect(io.out()).not.toContain("\x1b[");
    expect(io.err()).toBe("");
  });

  test("with --json prints the claims and no story, and with --directory keeps a record that verifies", async () => {
    const directory = join(await temporary(), "record");
    const io = fakeIo();
    expect(await runDemoCommand(["--json", "--directory", directory], io)).toBe(0);
    const printed = JSON.parse(io.out()) as { ok: boolean; claims: unknown[] };
    expect(printed.ok).toBe(true);
    expect(printed.claims.length).toBeGreaterThan(20);
    expect(await verifyAudit(directory)).toMatchObject({ verdict: "COMPLETE" });

    const audit = fakeIo();
    expect(await run(["audit", "verify", directory], audit)).toBe(0);
    expect(audit.out()).toContain("COMPLETE");
  });

  test("does not write into a directory that holds something else", async () => {
    const directory = await temporary();
    await writeFile(join(directory, "mine.txt"), "mine");
    const io = fakeIo();
    expect(await runDemoCommand(["--directory", directory], io)).toBe(64);
    expect(io.err()).toContain("is not empty");
    expect(await readdir(directory)).toEqual(["mine.txt"]);
  });

  test("with --interactive the answers are the person's: no to everything sends no refund, and every claim still holds", async () => {
    const io = fakeIo({ answers: ["n", "n", "n", "n"] });
    expect(await runDemoCommand(["--interactive"], io)).toBe(0);
    expect(io.err().split("[y/N]").length - 1).toBe(3);
    expect(io.out()).toContain("the person said no, and nothing was sent");
  });

  test("with --interactive a yes to everything sends every refund that a person may say yes to", async () => {
    const io = fakeIo({ answers: ["y", "y", "y", "y"] });
    expect(await runDemoCommand(["--interactive"], io)).toBe(0);
    expect(io.err().split("[y/N]").length - 1).toBe(4);
    expect(io.out()).toContain("one more refund was made");
  });

  test.each([
    ["--help", 0],
    ["--nope", 64],
    ["extra", 64],
  ])("%s explains itself and exits with %d", async (argument, code) => {
    const io = fakeIo();
    expect(await runDemoCommand([argument], io)).toBe(code);
    expect(code === 0 ? io.out() : io.err()).not.toBe("");
  });

  test("--interactive without a terminal is refused before anything starts", async () => {
    const io = fakeIo();
    expect(await runDemoCommand(["--interactive"], io)).toBe(64);
    expect(io.out()).toBe("");
    expect(io.err()).toContain("needs a terminal");
  });

  test("an interruption while a person is asked ends it with 130, nothing sent, and says so", async () => {
    const io = fakeIo({ answers: [] });
    io.terminal.output.removeAllListeners("data");
    io.terminal.output.on("data", (chunk: Buffer) => {
      if (chunk.includes("[y/N]")) io.interrupt();
    });
    expect(await runDemoCommand(["--interactive"], io)).toBe(130);
    expect(io.err()).toContain("everything is closed");
    expect(io.out()).not.toContain("Refund made");
  });

  test("an interruption closes what was opened", async () => {
    const io = fakeIo();
    const parts = watchedParts();
    const controller = new AbortController();
    const running = runDemo(io, { interactive: false, quiet: true }, controller.signal, {
      parts,
      agentSaw: () => controller.abort(new Error("enough")),
    });
    await expect(running).rejects.toThrow("enough");
    await expect(fetch(parts.ledger().origin)).rejects.toThrow("fetch failed");
    await expect(fetch(parts.server().issuer)).rejects.toThrow("fetch failed");
  });
});

describe("a claim is checked, not printed", () => {
  const runWith = (parts: Partial<WorldParts>): Promise<DemoResult> =>
    runDemo(fakeIo(), { interactive: false, quiet: true }, never, { parts: { ...realParts, ...parts } });
  const failed = (result: DemoResult): readonly string[] =>
    result.claims.filter(({ holds }) => !holds).map(({ text }) => text);

  test("a ledger that goes on accepting revoked tokens makes the demo fail", async () => {
    const known = new Map<string, Readonly<Record<string, unknown>>>();
    const result = await runWith({
      startLedger: ({ introspect, audience }) =>
        realParts.startLedger({
          audience,
          async introspect(token) {
            const facts = known.get(token) ?? (await introspect(token));
            known.set(token, facts);
            return facts;
          },
        }),
    });
    expect(failed(result)).toEqual(["the ledger answers 401 to each of them"]);
    expect(result.ok).toBe(false);
  });

  test("a step that cannot run is a claim that does not hold, and the exit code tells", async () => {
    const result = await runWith({
      startAuthorizationServer: async (options) => ({
        ...(await realParts.startAuthorizationServer(options)),
        issueUserToken: async () => "not a token",
      }),
    });
    expect(result.ok).toBe(false);
    expect(failed(result)[0]).toContain("the step runs to its end");
  });
});
