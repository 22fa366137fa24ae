import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { compilePolicy, type Decision, type RuleDocument, type ServiceDocument } from "../../src/policy/index.js";
import { anyContext } from "../support/policies.js";

/**
 * Policies as people would write them for services that they know, with requests that must pass and requests that must not. A
 * request is its method, its path and query, and a body: JSON, or `form`, `part` (multipart) or `text` and what is in it.
 */
interface VendorPolicy {
  readonly name: string;
  readonly service?: Partial<ServiceDocument>;
  readonly rules: readonly Omit<RuleDocument, "id">[];
  readonly pass: readonly string[];
  readonly refuse: readonly string[];
}

const folder = new URL("../cases/vendors/", import.meta.url);
const vendors = readdirSync(folder).map((file) => ({
  vendor: file.replace(".json", ""),
  ...(JSON.parse(readFileSync(new URL(file, folder), "utf8")) as {
    readonly origin: string;
    readonly policies: readonly VendorPolicy[];
  }),
}));

function decideBy(origin: string, { service, rules }: VendorPolicy): (request: string) => Decision {
  const policy = compilePolicy({
    version: 1,
    services: { it: { origins: [origin], credential: "key", ...service } },
    rules: rules.map((rule, index) => ({
      id: `rule-${index}`,
      ...(rule.effect === "deny" ? {} : { service: "it" }),
      ...rule,
    })) as RuleDocument[],
  });
  return (request) => {
    const [, method = "", at = "", kind = "", text = ""] =
      /^(\S+) (\S+)(?: (form |part |text |(?=[{[]))(.*))?$/s.exec(request) ?? [];
    const [type, body] = bodyOf(kind.trim(), text);
    const headers = type === null ? {} : { "content-type": type };
    return policy.decide({ method, url: origin + at, headers, body }, anyContext);
  };
}

function bodyOf(kind: string, text: string): readonly [string | null, string | null] {
  if (kind === "form") return ["application/x-www-form-urlencoded", text];
  if (kind === "text") return ["text/plain", text];
  if (kind !== "part") return text === "" ? [null, null] : ["application/json", text];
  const parts = text.split("&").map((pair) => {
    const [name, value] = pair.split("=");
    return `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
  });
  return ["multipart/form-data; boundary=b", `${parts.join("")}--b--\r\n`];
}

describe.each(vendors)("$vendor", ({ origin, policies }) => {
  describe.each(policies)("$name", (policy) => {
    const decide = decideBy(origin, policy);
    it.each(policy.pass)("lets pass %s", (request) => {
      const { effect, code, reason } = decide(request);
      expect(["allow", "approve"], `${code} ${reason}`).toContain(effect);
    });
    it.each(policy.refuse)("refuses %s", (request) => {
      expect(decide(request).effect).toBe("deny");
    });
  });
});

it("are at least forty policies for eleven services, each with requests of both kinds", () => {
  expect(vendors).toHaveLength(11);
  const all = vendors.flatMap(({ policies }) => policies);
  expect(all.length).toBeGreaterThanOrEqual(40);
  expect(all.filter(({ pass, refuse }) => pass.length === 0 || refuse.length === 0)).toEqual([]);
});
