import { readdirSync, writeFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { PolicyError } from "../src/index.js";
import { compilePolicy, type MatcherDocument, type Policy, policySchema } from "../src/policy/index.js";
import { decisionsOf } from "./docs/decisions.js";
import { codeIn, docs, type Fence, type Page, readPage, tablesOf } from "./docs/page.js";
import { type Printed, runPage } from "./docs/run-page.js";
import { type Login, type Services, startLogin, startServices } from "./docs/world.js";
import { temporaryDirectory } from "./support/guards.js";
import { anyContext } from "./support/policies.js";

/** Written by people; the others are generated, or tell of a machine. */
const pages: readonly Page[] = readdirSync(docs)
  .filter((name) => name.endsWith(".md") && !["error-codes.md", "benchmarks.md"].includes(name))
  .map(readPage);

let login: Login;
let services: Services;
beforeAll(async () => {
  login = await startLogin();
  services = await startServices(login.server.introspect);
});
afterAll(async () => {
  await services.close();
  await login.server.close();
});

/** Runs a page in an empty directory, as a reader would. */
async function printedBy(page: Page): Promise<readonly Printed[]> {
  const home = process.cwd();
  process.chdir(temporaryDirectory());
  onTestFinished(() => process.chdir(home));
  writeFileSync("refund-agent.jwk", JSON.stringify(login.clientKey));
  const identityToken = await login.server.issueUserToken({ sub: "ada", groups: ["support"] });
  return await runPage(page, { services, login, given: { identityToken } });
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

  it("names what is not there yet, and a document that uses it does not load", () => {
    const missing = page.text.slice(page.text.indexOf("## Not there yet"));
    const absent: Readonly<Record<string, readonly [service: object, rule: object]>> = {
      graphql: [{ protocol: "graphql" }, {}],
      mcp: [{ protocol: "mcp" }, {}],
      jsonrpc: [{ protocol: "jsonrpc" }, {}],
      envelopes: [{ envelopes: { "/$batch": "odata-json" } }, {}],
      operations: [{}, { operations: ["createNote"] }],
      limits: [{}, { limits: [{ requests: 3, per: "60s" }] }],
      when: [{}, { when: { after: "2026-01-01T00:00:00Z" } }],
      quorum: [{}, { effect: "approve", approval: { quorum: 2 } }],
    };
    for (const [name, [service, rule]] of Object.entries(absent)) {
      expect(missing).toContain(`\`${name}\``);
      expect(() => compile(service, rule), name).toThrow(PolicyError);
    }
    expect(() => compile({}, { effect: "approve", approval: { grant: { uses: 2 } } })).toThrow(PolicyError);
    expect(() => compile({}, { record: "both" })).not.toThrow();
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
