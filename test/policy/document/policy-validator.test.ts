import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { policyValidatorModule } from "../../../scripts/policy-validator.js";
import { type PolicyValidator, policyValidator } from "../../../src/policy/document/policy-validator.js";

/** The validator that the package ships: generated from the schema. The one that the compiler makes is the truth. */
let generated: PolicyValidator;
const compiled = policyValidator();
beforeAll(async () => {
  const code = Buffer.from(await policyValidatorModule()).toString("base64");
  const module = (await import(/* @vite-ignore */ `data:text/javascript;base64,${code}`)) as {
    policyValidator: typeof policyValidator;
  };
  generated = module.policyValidator();
});

const findings = (validate: PolicyValidator, document: unknown): unknown => [
  validate(document),
  (validate.errors ?? []).map(({ instancePath, keyword, params, message }) => ({
    instancePath,
    keyword,
    params,
    message,
  })),
];

const service = {
  origins: ["https://crm.internal.example"],
  addresses: ["10.0.0.0/8"],
  protocol: "graphql",
  graphql: { endpoint: "/graphql", maxOperations: 2 },
  redirects: 3,
};
const rule = {
  id: "r",
  effect: "approve",
  service: "crm",
  methods: ["GET", "POST"],
  path: "/a/{id}",
  query: { q: { gte: 1, not: "x" } },
  when: { days: ["mon"], hours: "08:00-18:00" },
  limits: [{ requests: 3, per: "60s", by: "agent" }],
  approval: { quorum: 2, wait: "25s", grant: { uses: 2, vary: ["/a"] } },
};
const document = { version: 1, id: "p", services: { crm: service }, rules: [rule] };

/** The document with something else, or nothing, at one of its places. */
const broken = fc
  .tuple(
    fc.array(fc.nat(20), { maxLength: 6 }),
    fc.oneof(
      fc.constantFrom(undefined, null, "", "é😀", 0, -1, 1.5, [], ["a", "a"], {}, { x: 1 }),
      fc.jsonValue({ maxDepth: 2 }),
    ),
  )
  .map(([path, value]) => {
    const copy = structuredClone(document) as unknown;
    let at = copy as Record<string, unknown>;
    for (const step of path) {
      const keys = Object.keys(at);
      const next = at[keys[step % Math.max(1, keys.length)] ?? ""];
      if (typeof next !== "object" || next === null || Object.keys(next).length === 0) break;
      at = next as Record<string, unknown>;
    }
    const keys = Object.keys(at);
    at[keys[(path[0] ?? 0) % Math.max(1, keys.length)] ?? "x"] = value;
    return copy;
  });

describe("the validator that is generated from the schema", () => {
  it("accepts what the compiled one accepts", () => {
    expect([compiled(document), generated(document)]).toEqual([true, true]);
  });

  it("finds in any document what the compiled one finds", () => {
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(broken, fc.jsonValue()), (any) => {
        const truth = findings(compiled, any);
        if (!compiled(any)) refused++;
        expect(findings(generated, any)).toEqual(truth);
      }),
      { numRuns: 500 },
    );
    expect(refused).toBeGreaterThan(100);
  });
});
