import { describe, expect, expectTypeOf, it } from "vitest";
import { definePolicy, type PolicyDocument } from "../../src/index.js";
import { compilePolicy } from "../../src/policy/index.js";

const services = { crm: { origins: ["https://crm.internal.example"] } } as const;

describe("definePolicy", () => {
  it("returns the document itself, with its literal types", () => {
    const policy = definePolicy({
      version: 1,
      services,
      rules: [{ id: "read", effect: "allow", service: "crm", methods: ["GET"], path: "/accounts/{id}" }],
    });
    expectTypeOf<keyof typeof policy.services>().toEqualTypeOf<"crm">();
    expectTypeOf<(typeof policy.rules)[0]["effect"]>().toEqualTypeOf<"allow">();
    expectTypeOf(policy).toExtend<PolicyDocument>();
    expect(compilePolicy(policy).hash).toMatch(/^[\w:+/=-]+$/);
  });

  it("lets no rule name a service that the document does not have, or a method that is none", () => {
    definePolicy({
      version: 1,
      services,
      // @ts-expect-error there is no service "crn"
      rules: [{ id: "read", effect: "allow", service: "crn", methods: ["GET"], path: "/" }],
    });
    definePolicy({
      version: 1,
      services,
      // @ts-expect-error one of the two is not there
      rules: [{ id: "read", effect: "deny", service: ["crm", "erp"], methods: ["GET"], path: "/" }],
    });
    definePolicy({
      version: 1,
      services,
      // @ts-expect-error the method is misspelt
      rules: [{ id: "read", effect: "allow", service: "crm", methods: ["GTE"], path: "/" }],
    });
    definePolicy({
      version: 1,
      services,
      // @ts-expect-error the member is misspelt
      rules: [{ id: "read", effect: "allow", service: "crm", methods: ["GET"], pth: "/" }],
    });
    const rules = [{ id: "read", effect: "allow", service: "crm", methods: ["GET"], path: "/" }] as const;
    expect(definePolicy({ version: 1, services, rules }).rules).toBe(rules);
  });

  it("is not needed: `satisfies` checks all but the names", () => {
    const policy = {
      version: 1,
      services,
      rules: [{ id: "read", effect: "allow", service: "crm", methods: ["GET"], path: "/" }],
    } as const satisfies PolicyDocument;
    expect(compilePolicy(policy).hash).toBe(compilePolicy(definePolicy(policy)).hash);
    const misspelt = {
      version: 1,
      services,
      // @ts-expect-error the method is misspelt
      rules: [{ id: "read", effect: "allow", service: "crm", methods: ["GTE"], path: "/" }],
    } satisfies PolicyDocument;
    expect(() => compilePolicy(misspelt as unknown as PolicyDocument)).toThrow(/GTE|method/);
  });
});
