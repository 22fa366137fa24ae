import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../../src/cli/run.js";
import { fakeIo } from "./support.js";

const CRM = "https://crm.internal.example";
const POLICY = {
  version: 1,
  id: "crm-agent",
  services: { crm: { origins: [CRM], credential: "crm" } },
  rules: [
    {
      id: "read",
      effect: "allow",
      service: "crm",
      methods: ["GET"],
      path: "/accounts/{id}",
      who: { "/principal/groups": { contains: "sales" } },
    },
    {
      id: "pay",
      effect: "approve",
      service: "crm",
      methods: ["POST"],
      path: "/payments",
      body: { "/amount": { lte: 100 } },
    },
    { id: "no-export", effect: "deny", path: "/export/**", reason: "exports are for people" },
  ],
};

let directory: string;
const file = async (name: string, content: string): Promise<string> => {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
};
const sallyport = async (...argv: string[]): Promise<{ code: number; out: string; err: string }> => {
  const io = fakeIo();
  const code = await run(argv, io);
  return { code, out: io.out(), err: io.err() };
};
let policy: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "sallyport-policy-"));
  policy = await file("policy.json", JSON.stringify(POLICY));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

describe("sallyport policy check", () => {
  test("exits 0 for a policy that loads, and sums it up", async () => {
    const { code, out } = await sallyport("policy", "check", policy);
    expect(code).toBe(0);
    expect(out).toContain("OK");
    expect(out).toContain("crm-agent");
    expect(out).toContain(`crm  ${CRM}  1 allow, 1 approve, 1 deny`);
  });

  test("reads YAML", async () => {
    const yaml = await file("policy.yaml", `version: 1\nservices:\n  crm:\n    origins: ["${CRM}"]\nrules: []\n`);
    expect((await sallyport("policy", "check", yaml)).code).toBe(0);
  });

  test("exits 1 and lists every problem at once, each with its place", async () => {
    const bad = await file(
      "bad.json",
      JSON.stringify({ ...POLICY, rules: [{ ...POLICY.rules[0], service: "nope", path: "/a/../b" }] }),
    );
    const { code, out } = await sallyport("policy", "check", bad);
    expect(code).toBe(1);
    expect(out).toContain("2 PROBLEMS");
    expect(out).toContain("/rules/0/service");
    expect(out).toContain("/rules/0/path");
  });

  test("with --json says the same to a program", async () => {
    const bad = await file("bad.json", JSON.stringify({ version: 1, services: {}, rules: [], extra: 1 }));
    const { code, out } = await sallyport("policy", "check", bad, "--json");
    expect(code).toBe(1);
    expect(JSON.parse(out)).toMatchObject({
      ok: false,
      problems: [expect.objectContaining({ pointer: expect.any(String) })],
    });
    const good = JSON.parse((await sallyport("policy", "check", policy, "--json")).out) as object;
    expect(good).toMatchObject({
      ok: true,
      id: "crm-agent",
      problems: [],
      hash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test.each([
    ["not JSON", "{"],
    ["not UTF-8 text", "\xff"],
  ])("exits 1 for a file that is %s", async (_what, content) => {
    const path = join(directory, "broken.json");
    await writeFile(path, content, "latin1");
    expect((await sallyport("policy", "check", path)).code).toBe(1);
  });

  test("exits 1 for a file that is not there", async () => {
    const { code, out } = await sallyport("policy", "check", join(directory, "missing.json"));
    expect(code).toBe(1);
    expect(out).toContain("cannot be read");
  });

  test("a policy cannot write to the terminal: control characters in it stay text", async () => {
    const evil = await file("evil.json", JSON.stringify({ ...POLICY, "\x1b[2Jx": 1 }));
    const { out } = await sallyport("policy", "check", evil);
    expect(out).not.toContain("\x1b");
    expect(out).toContain("\\u001b[2Jx");
  });
});

describe("sallyport policy decide", () => {
  const decide = (...more: string[]): ReturnType<typeof sallyport> => sallyport("policy", "decide", policy, ...more);

  test("exits 0 for allow, with the one whom --who names", async () => {
    const who = await file("who.json", JSON.stringify({ principal: { id: "ann", groups: ["sales"] } }));
    const { code, out } = await decide("--method", "GET", "--url", `${CRM}/accounts/42`, "--who", who);
    expect(code).toBe(0);
    expect(out).toContain("ALLOW  ALLOWED");
    expect(out).toMatch(/rule +read/);
  });

  test("exits 4 for deny; nobody in particular is in no group, and the rule that came close is named", async () => {
    const { code, out } = await decide("--method", "GET", "--url", `${CRM}/accounts/42`);
    expect(code).toBe(4);
    expect(out).toContain("DENY  NO_RULE");
    expect(out).toContain('came close: "read"');
  });

  test("exits 3 where a person would be asked, judging header and body", async () => {
    const body = await file("body.json", JSON.stringify({ amount: 50 }));
    const asked = ["--method", "POST", "--url", `${CRM}/payments`, "--body", body] as const;
    expect((await decide(...asked, "--header", "content-type: application/json", "--header", "x-trace: 1")).code).toBe(
      3,
    );
    // Without its media type the body cannot be read, and doubt is a denial.
    expect((await decide(...asked)).code).toBe(4);
  });

  test("a deny rule says why, in the policy's words", async () => {
    const { code, out } = await decide("--method", "GET", "--url", `${CRM}/export/all`);
    expect(code).toBe(4);
    expect(out).toContain("RULE_DENY");
    expect(out).toContain("exports are for people");
  });

  test("with --json prints the whole decision", async () => {
    const { code, out } = await decide("--method", "GET", "--url", `${CRM}/x/%2e%2e/y`, "--json");
    expect(code).toBe(4);
    expect(JSON.parse(out)).toMatchObject({ effect: "deny", code: "URL_AMBIGUOUS", policy: { id: "crm-agent" } });
  });

  test("exits 1 where the policy does not load: never a decision by a broken policy", async () => {
    const broken = await file("broken.json", "{}");
    const { code, out, err } = await sallyport("policy", "decide", broken, "--method", "GET", "--url", CRM);
    expect([code, out]).toEqual([1, ""]);
    expect(err).toContain("POLICY_INVALID");
  });

  test.each([
    ["no --url", ["--method", "GET"]],
    ["a header without a colon", ["--method", "GET", "--url", CRM, "--header", "nonsense"]],
    ["a body file that is not there", ["--method", "GET", "--url", CRM, "--body", "/does/not/exist"]],
    ["a --who file that is not there", ["--method", "GET", "--url", CRM, "--who", "/does/not/exist"]],
    ["an option that does not exist", ["--method", "GET", "--url", CRM, "--nope"]],
  ])("exits 64 for %s", async (_what, argv) => {
    const { code, out, err } = await decide(...argv);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain("error:");
  });

  test.each([["[]"], ["{"], ['{"principle":{}}'], ['{"principal":"ann"}']])(
    "exits 64 for a --who file with %s",
    async (content) => {
      const who = await file("who.json", content);
      expect((await decide("--method", "GET", "--url", CRM, "--who", who)).code).toBe(64);
    },
  );

  test("says that it took predicates in code to say yes", async () => {
    const rule = {
      id: "read",
      effect: "allow",
      service: "crm",
      methods: ["GET"],
      path: "/a",
      predicates: { open: "deny" },
    };
    const asking = await file("asking.json", JSON.stringify({ ...POLICY, rules: [rule] }));
    const { code, out } = await sallyport("policy", "decide", asking, "--method", "GET", "--url", `${CRM}/a`);
    expect(code).toBe(0);
    expect(out).toContain("assumed    predicate open says yes");
  });
});
