import { readFileSync } from "node:fs";
import type { DecisionContext, PolicyDocument } from "../../src/policy/index.js";

/** One of the example policies in `test/cases/policies`. */
export const examplePolicy = (name: string): PolicyDocument =>
  JSON.parse(readFileSync(new URL(`../cases/policies/${name}.json`, import.meta.url), "utf8")) as PolicyDocument;

/** A context in which nothing is special. */
export const anyContext: DecisionContext = {
  principal: { id: "ada", type: "human", issuer: "https://login.example", tenant: "acme", groups: ["support"] },
  agent: { id: "test-agent" },
  session: { id: "session-1", purpose: "testing", startedAt: 0, expiresAt: 3_600_000 },
  now: 1_000,
};
