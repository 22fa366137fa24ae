import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { EXIT_CODES } from "../src/audit/index.js";
import { createGuard, ERROR_CODES, PolicyError } from "../src/index.js";
import { createMasker, DETECTORS, type DetectorName, isMaskable } from "../src/masking/index.js";
import {
  compilePolicy,
  type MatcherDocument,
  type Policy,
  type PolicyDocument,
  policySchema,
} from "../src/policy/index.js";
import { decisionsOf } from "./docs/decisions.js";
import { codeIn, docs, type Fence, type Page, readPage, tablesOf } from "./docs/page.js";
import { type Partners, startPartners } from "./docs/partners.js";
import { type Printed, runPage } from "./docs/run-page.js";
import { type Login, type Services, startLogin, startServices } from "./docs/world.js";
import { loopbackPolicy, recordedEvents, temporaryDirectory, testGuard } from "./support/guards.js";
import { anyContext } from "./support/policies.js";

/** Written by people; the others are generated, or tell of a machine. */
const pages: readonly Page[] = readdirSync(docs)
  .filter((name) => name.endsWith(".md") && !["error-codes.md", "benchmarks.md"].includes(name))
  .map(readPage);

let login: Login;
let partners: Partners;
let services: Services;
beforeAll(async () => {
  login = await startLogin();
  partners = await startPartners(login);
  services = await startServices(async (token) => partners.introspect(token) ?? (await login.server.introspect(token)));
});
afterAll(async () => {
  await partners.close();
  await services.close();
  await login.server.close();
});

/** What a page's reader has in files. */
const CERTIFICATES = { "authority.pem": "one-ca.pem", "agent.pem": "crm-client.pem", "agent.key": "crm-client.key" };

/** Runs a page in an empty directory, as a reader would. */
async function printedBy(page: Page): Promise<readonly Printed[]> {
  const home = process.cwd();
  process.chdir(temporaryDirectory());
  onTestFinished(() => process.chdir(home));
  writeFileSync("refund-agent.jwk", JSON.stringify(login.clientKey));
  for (const [name, file] of Object.entries(CERTIFICATES))
    copyFileSync(new URL(`transport/certificates/${file}`, import.meta.url), name);
  writeFileSync("app.pem", partners.appKey);
  process.env["ACTIONS_ID_TOKEN_REQUEST_URL"] = `${partners.github}/actions`;
  process.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = "of-the-runner";
  const identityToken = await login.server.issueUserToken({ sub: "ada", groups: ["support"] });
  return await runPage(page, { services, login, partners, given: { identityToken } });
}

/** `…` in a page stands for what differs from run to run, within a line. */
const pattern = (text: string): RegExp =>
  new RegExp(`^${text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll("…", "[^\\n]*")}$`);

/** What stands below a fence that prints, and what it printed. */
function outputsOf(page: Page, printed: readonly Printed[]): readonly { shown: Fence; output: string }[] {
  return page.parts.flatMap((part, index) => {
    const before = page.parts[index - 1];
    if (part.kind !== "fence" || part.language !== "text" || before?.kind !== "fence") return [];
    const run = printed.find(({ fence }) => fence === before);
    return run === undefined || !["js", "sh"].includes(before.language) ? [] : [{ shown: part, output: run.output }];
  });
}

it("every table of requests is decided as it says", () => {
  const decided = pages.flatMap(decisionsOf);
  expect(decided.length).toBeGreaterThan(60);
  expect(decided.filter(({ decision, shown }) => decision !== shown)).toEqual([]);
});

describe("docs/policy.md", () => {
  const page = readPage("policy.md");
  const compile = (service: object, rule: object): unknown =>
    compilePolicy({
      version: 1,
      services: { crm: { origins: ["https://crm.internal.example"], ...service } },
      rules: [{ id: "rule", effect: "allow", service: "crm", methods: ["POST"], path: "/v", ...rule }],
    });

  it("says what each matcher holds for", () => {
    const [table] = tablesOf(page, "matcher", "holds for", "for example", "but not");
    expect(table?.rows.length).toBeGreaterThan(8);
    for (const [matcher = "", , example = "", counterexample = ""] of table?.rows ?? []) {
      const body = { "/value": JSON.parse(codeIn(matcher) ?? "") as MatcherDocument };
      const policy = compile({}, { body }) as Policy;
      const effectOf = (cell: string): string => {
        const text = cell === "absent" ? "{}" : `{"value":${codeIn(cell)}}`;
        const headers = { "content-type": "application/json" };
        return policy.decide({ method: "POST", url: "https://crm.internal.example/v", headers, body: text }, anyContext)
          .effect;
      };
      expect([matcher, effectOf(example), effectOf(counterexample)]).toEqual([matcher, "allow", "deny"]);
    }
  });

  it("lists the defaults of a service", () => {
    const schema = JSON.stringify(policySchema);
    const [table] = tablesOf(page, "key", "meaning", "default");
    for (const [key = "", , standard = ""] of table?.rows ?? []) {
      expect(schema).toContain(`"${codeIn(key)}":`);
      if (/^[0-9,]+$/.test(standard)) expect(schema).toContain(`Default ${standard.replaceAll(",", "")}.`);
    }
  });
});

describe("docs/masking.md", () => {
  const page = readPage("masking.md");

  it("shows for each detector something that it finds", () => {
    const [table] = tablesOf(page, "detector", "finds", "for example");
    const [numbers] = tablesOf(page, "detector", "of", "for example");
    const rows = [...(table?.rows ?? []), ...(numbers?.rows ?? [])];
    expect(rows.map(([name = ""]) => codeIn(name))).toEqual([...DETECTORS]);
    for (const [name = "", , example = ""] of rows) {
      const detector = codeIn(name) as DetectorName;
      const { text, counts } = createMasker({ detectors: [detector] }).mask(`see ${codeIn(example)} there`);
      expect([counts, text.includes(`[REDACTED:${detector}`)]).toEqual([{ [detector]: 1 }, true]);
    }
  });

  it("says in which formats a path finds its field, and what is masked as text", () => {
    const masker = createMasker({ paths: ["/name"] });
    const masked = (contentType: string, body: string): string => {
      const pass = masker.open({ contentType });
      // One byte at a time: a value that is split across chunks is found, too.
      const chunks = [...Buffer.from(body)].map((byte) => pass.push(Uint8Array.of(byte)).slice());
      return Buffer.concat([...chunks, pass.flush()]).toString();
    };
    const json = '{"name":"Grace","mail":"grace\\u0040example.com"}';
    const hidden = '{"name":"[REDACTED:FIELD]","mail":"[REDACTED:EMAIL]"}';
    expect(masked("application/vnd.api+json", json)).toBe(hidden);
    expect(masked("application/x-ndjson", `${json}\n${json}\n`)).toBe(`${hidden}\n${hidden}\n`);
    expect(masked("text/event-stream", `data: ${json}\n\n`)).toBe(`data: ${hidden}\n\n`);
    expect(masked("application/x-www-form-urlencoded", "name=Grace&a=1")).not.toContain("Grace");
    expect(masked("application/xml", "<mail>grace@example.com</mail>")).toBe("<mail>[REDACTED:EMAIL]</mail>");
    for (const type of [
      "image/png",
      "application/pdf",
      "multipart/byteranges; boundary=b",
      "text/plain; charset=utf-16",
      null,
    ]) {
      expect(isMaskable(type)).toBe(false);
    }
  });
});

describe("docs/audit.md", () => {
  const page = readPage("audit.md");

  it("lists verdicts and exit codes as they are", () => {
    const [table] = tablesOf(page, "verdict", "exit code", "what it means");
    const listed = (table?.rows ?? []).map(([verdict = "", code]) => [codeIn(verdict), Number(code)]);
    expect(Object.fromEntries(listed)).toEqual(EXIT_CODES);
  });

  it("draws the directory as it is, and names every type of event that is in it", async () => {
    await printedBy(page);
    const paths = readdirSync("audit", { recursive: true, withFileTypes: true })
      .map((entry) =>
        `${entry.parentPath}/${entry.name}`.replace(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "<id>"),
      )
      .sort();
    expect(paths).toEqual([
      "audit/<id>",
      "audit/<id>/<id>",
      "audit/<id>/<id>/000000.jsonl",
      "audit/<id>/ledger-000000.jsonl",
      "audit/signer.key",
      "audit/signer.pub",
    ]);
    const named = tablesOf(page, "type", "when").flatMap(({ rows }) => rows.map(([types = ""]) => types).join());
    const types = new Set(recordedEvents("audit").map(({ type }) => type));
    expect(types.size).toBeGreaterThan(5);
    for (const type of types) expect(named.join()).toContain(`\`${type}\``);
  });
});

describe("docs/credentials.md", () => {
  it("leaves no credential in the record, and revokes what it was issued", async () => {
    services.credentials.clear();
    const before = login.server.revocations();
    await printedBy(readPage("credentials.md"));
    expect(services.credentials.size).toBe(9);
    const files = readdirSync("audit", { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    const record = files.map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, "utf8")).join();
    expect(record).toContain("credential.issued");
    for (const credential of services.credentials) expect(record).not.toContain(credential);
    expect(login.server.revocations() - before).toBe(4);
    expect(partners.revoked()).toBeGreaterThan(0);
  });
});

describe("docs/threat-model.md", () => {
  const get = { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**" } as const;

  it("cites tests that exist", () => {
    const { text } = readPage("threat-model.md");
    const cited = [...text.matchAll(/`(test\/[\w./-]+\.ts)`(?: "([^"]+)")?/g)];
    expect(cited.length).toBeGreaterThan(25);
    const missing = cited.filter(([, file = "", name = ""]) => {
      return !readFileSync(new URL(`../${file}`, import.meta.url), "utf8").includes(name);
    });
    expect(missing.map(([citation]) => citation)).toEqual([]);
  });

  it("keeps the old policy when the new one does not load", async () => {
    const { guard, session } = await testGuard({
      policy: loopbackPolicy("https://crm.internal.example", [get]),
      transport: { fetch: services.fetch },
    });
    await expect(guard.setPolicy({ version: 1, services: {}, rules: [get] })).rejects.toThrow(PolicyError);
    expect((await session.fetch("https://crm.internal.example/accounts/42")).status).toBe(200);
  });

  it("does not start without a credential that the policy names", async () => {
    const policy = loopbackPolicy("https://crm.internal.example", [get], { credential: "crm" });
    await expect(createGuard({ policy })).rejects.toThrow(/credentials\/crm: is needed/);
  });

  it("sends nothing when the record cannot be written", async () => {
    const { session, directory } = await testGuard({
      policy: loopbackPolicy("https://crm.internal.example", [get]),
      transport: { fetch: services.fetch },
    });
    const [log] = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith("/000000.jsonl"),
    );
    rmSync(join(directory, log ?? ""));
    services.received.length = 0;
    await expect(session.fetch("https://crm.internal.example/accounts/42")).rejects.toMatchObject({
      code: "AUDIT_UNAVAILABLE",
      systemCode: "ENOENT",
    });
    expect(services.received).toEqual([]);
  });
});

describe("all pages", () => {
  const project = ["README.md", "CONTRIBUTING.md", "AGENTS.md", "SECURITY.md"].map((name) => readPage(`../${name}`));

  it("link to what is there", () => {
    const broken = [...pages, ...project].flatMap(({ name, text }) =>
      [...text.matchAll(/\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)/g)].flatMap(([link, path = "", anchor]) => {
        // Measured on a machine, and not there before it was.
        if (path.endsWith("docs/benchmarks.md")) return [];
        const target = path === "" ? new URL(name, docs) : new URL(path, new URL(name, docs));
        if (!existsSync(target)) return [`${name}: ${link}`];
        return anchor === undefined || headingsOf(target).includes(anchor) ? [] : [`${name}: ${link}`];
      }),
    );
    expect(broken).toEqual([]);
  });

  /** Of connections: the `code` of a `cause`. */
  const FAULTS = ["PROXY_REFUSED", "PROXY_BROKEN", "UND_ERR_CONNECT_TIMEOUT"];

  it("name only error codes, and commands, that exist", () => {
    const known = new Set([...Object.keys(ERROR_CODES), ...Object.keys(EXIT_CODES), ...DETECTORS, "CREDENTIAL"]);
    const other = new Set([
      "SALLYPORT_LOCKDOWN_ALLOW",
      "SALLYPORT_LOCKDOWN_CHILDREN",
      "SALLYPORT_LOCKDOWN_ADDONS",
      "EMPLOYEE_ID",
      "FIELD",
      "ENOSPC",
      "HTTP_PROXY",
      "NODE_EXTRA_CA_CERTS",
      ...FAULTS,
    ]);
    const { scripts } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
      scripts: Record<string, string>;
    };
    for (const { name, text } of [...pages, ...project]) {
      const codes = [...text.matchAll(/`([A-Z]+(?:_[A-Z]+)+)`/g)].map(([, code = ""]) => code);
      expect([name, codes.filter((code) => !known.has(code) && !other.has(code))]).toEqual([name, []]);
      const named = [...text.matchAll(/npm run ([a-z-]+)/g)].map(([, script = ""]) => script);
      expect([name, named.filter((script) => !(script in scripts))]).toEqual([name, []]);
    }
  });

  it("have no fence that nobody looks at", () => {
    const unknown = pages.flatMap(({ name, parts }) =>
      parts.flatMap((part, index) => {
        if (part.kind !== "fence") return [];
        const before = parts[index - 1];
        const follows = before?.kind === "fence" && ["js", "sh"].includes(before.language);
        const looked =
          ["js", "sh"].includes(part.language) ||
          (part.language === "json" && part.label !== "") ||
          (part.language === "text" && (follows || part.label === "layout"));
        return looked ? [] : [`${name}:${part.line}`];
      }),
    );
    expect(unknown).toEqual([]);
  });

  it("have policies that load", () => {
    const policies = pages.flatMap(({ parts }) =>
      parts.filter((part) => part.kind === "fence" && part.label === "policy.json"),
    );
    expect(policies.length).toBeGreaterThan(4);
    for (const part of policies) if (part.kind === "fence") compilePolicy(JSON.parse(part.text) as PolicyDocument);
  });
});

/** Anchors as GitHub makes them. */
const headingsOf = (target: URL): readonly string[] =>
  [...readFileSync(target, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );

describe.each(pages)("docs/$name", (page) => {
  it("runs from top to bottom, and prints exactly what it says it prints", async () => {
    const printed = await printedBy(page);
    for (const { shown, output } of outputsOf(page, printed)) {
      if (!pattern(shown.text).test(output)) expect(output, `docs/${page.name}:${shown.line}`).toBe(shown.text);
    }
    const silent = printed.filter(({ fence, output }) => {
      const next = page.parts[page.parts.indexOf(fence as Page["parts"][number]) + 1];
      return output !== "" && !(next?.kind === "fence" && next.language === "text");
    });
    expect(silent.map(({ fence }) => `${page.name}:${fence.line} prints, and the page does not say what`)).toEqual([]);
  });
});
