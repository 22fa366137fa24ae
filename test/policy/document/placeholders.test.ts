import { describe, expect, it } from "vitest";
import { compilePolicy } from "../../../src/policy/index.js";
import { ask, documentOf } from "../support.js";

const policy = compilePolicy(documentOf([{}], { credential: "CRM_KEY" }));

describe("a placeholder for a credential is refused", () => {
  it.each([
    ["in the query", { at: "/x?key=%7B%7BCRM_KEY%7D%7D" }],
    ["in the query, as it is written", { at: "/x?key={{CRM_KEY}}" }],
    ["in the name of a parameter", { at: "/x?{{CRM_KEY}}" }],
    ["in the path", { at: "/x/{{CRM_KEY}}/y" }],
    ["in the path, escaped", { at: "/x/%7b%7bCRM_KEY%7d%7d" }],
    ["in a header", { headers: { "x-key": "Token {{CRM_KEY}}" } }],
    ["in JSON", { json: { note: "hi {{CRM_KEY}}" } }],
    [
      "in JSON, escaped",
      { body: '{"a":"\\u007b\\u007bCRM_KEY\\u007D}"}', headers: { "content-type": "application/json" } },
    ],
    ["in a form", { form: "a=%7B%7BCRM_KEY%7D%7D" }],
    ["in text", { body: "{{CRM_KEY}}" }],
    ["in another case", { at: "/x?key={{crm_key}}" }],
    ["with blanks", { at: "/x?key={{%20CRM_KEY+}}" }],
  ])("%s", (_name, request) => {
    expect(ask(policy, request)).toMatchObject({ effect: "deny", code: "PLACEHOLDER_REFUSED", service: "api" });
  });

  it.each([
    ["a template of somebody else's", { json: { note: "Dear {{name}}, {{CRM_KEY_2}} {CRM_KEY} CRM_KEY" } }],
    ["the name alone", { at: "/x?key=CRM_KEY" }],
    ["a body that is no text", { body: new Uint8Array([0xff, 0x7b, 0x7b, 0, 0x7d, 0x7d]) }],
  ])("but not %s", (_name, request) => {
    expect(ask(policy, request).effect).toBe("allow");
  });

  it("in no time worth speaking of, whatever the braces", () => {
    const body = "{".repeat(500_000) + "{{ ".repeat(100_000);
    expect(ask(policy, { body }).effect).toBe("allow");
    expect(ask(compilePolicy(documentOf([{}])), { at: "/x?key={{CRM_KEY}}" }).effect).toBe("allow");
  });
});
