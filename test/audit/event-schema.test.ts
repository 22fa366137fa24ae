import { readdirSync, readFileSync } from "node:fs";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { type AuditEvent, auditEventSchema } from "../../src/audit/index.js";
import { schemaProblems } from "../support/event-schema.js";
import { DECISION, HTTP, intent, linesOf, OPENING, openedLog } from "./support.js";

interface Node {
  readonly description?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly items?: Node;
}
const { properties = {} } = auditEventSchema as Node;

/** Fields that only the log itself writes, and what every line has. */
const NOT_THE_CALLERS = new Set(
  `v seq id type time mono_us boot log prev session_id principal agent initiator note trunc purpose expires_at transport reason
  predecessor last_hash size root final pid torn_bytes torn_hash gap step_ms key unrecorded unknown_outcomes pruned erased`.split(
    /\s+/,
  ),
);

/** A value for every member that the schema has. */
function example(node: Node): unknown {
  if (node.enum !== undefined) return node.enum[0];
  if (node.properties !== undefined)
    return Object.fromEntries(Object.entries(node.properties).map(([key, member]) => [key, example(member)]));
  switch (node.type) {
    case "string":
      return "https://crm.example/x";
    case "number":
      return 7.25;
    case "boolean":
      return true;
    case "array":
      return node.items?.type === "array" ? [["accept", "text/plain"]] : ["one"];
    default:
      return { EMAIL: 2 };
  }
}

test("the schema itself is one, and says something of every key", () => {
  const compiler = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true, strictTypes: false });
  expect(compiler.validateSchema(auditEventSchema)).toBe(true);
  const silent = (node: Node, path: string): string[] => [
    ...((node.description ?? "").length < 5 ? [path] : []),
    ...Object.entries(node.properties ?? {}).flatMap(([key, member]) => silent(member, `${path}/${key}`)),
  ];
  expect(Object.entries(properties).flatMap(([key, node]) => silent(node, key))).toEqual([]);
});

test("a line that has every field there is, is described to the last member", async () => {
  const { session, segment } = await openedLog();
  const fields = Object.entries(properties).filter(([key]) => !NOT_THE_CALLERS.has(key));
  expect(fields.length).toBeGreaterThan(15);
  const event = Object.fromEntries(fields.map(([key, node]) => [key, example(node)]));
  session.append({ ...event, type: "request.completed" } as unknown as AuditEvent);
  const line = linesOf(segment).find(({ type }) => type === "request.completed") ?? {};
  const names = (value: unknown): unknown =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).map(([key, member]) => [key, names(member)]))
      : true;
  // Not one of them was left out by the writer: the schema has no field that the log does not.
  expect(names(line)).toMatchObject(names(event) as object);
});

test("what could not be written safely, and what was cut to fit, are described as well", async () => {
  // A secret that no field holds, and the line would.
  const { session, segment } = await openedLog({ secrets: () => ['"r1","attempt":1'] });
  session.append(intent("r1"));
  session.append({ ...intent("r2"), http: { ...HTTP, url: `https://crm.example/${"x".repeat(100_000)}` } });
  const [unwritable, cut] = linesOf(segment).filter(({ type }) => type === "request.intent");
  expect(unwritable).toMatchObject({ mask: { applied: true, errors: 1 } });
  expect(unwritable).not.toHaveProperty("request_id");
  expect(cut).toHaveProperty("trunc");
});

describe("the schema refuses", () => {
  const line = async (): Promise<Record<string, unknown>> => {
    const { session, segment } = await openedLog();
    session.append(intent("r1"));
    return linesOf(segment).find(({ type }) => type === "request.intent") ?? {};
  };
  test.each([
    ["a line without a principal", { principal: undefined }],
    ["an intent without a decision", { decision: undefined }],
    ["another effect than there is", { decision: { ...DECISION, effect: "maybe" } }],
    ["a decision without the hash of its policy", { decision: { ...DECISION, policy_hash: undefined } }],
    ["a number as text", { seq: "2" }],
    ["a time in another zone", { time: "2026-01-15T12:00:00.000+01:00" }],
    ["another version", { v: 2 }],
    ["a chain of something else", { prev: "0" }],
  ])("%s", async (_what, change) => {
    const good = await line();
    expect(schemaProblems(good)).toEqual([]);
    expect(schemaProblems(JSON.parse(JSON.stringify({ ...good, ...change })))).not.toEqual([]);
  });
});

test("within version 1, readers are told to expect more: unknown fields and types pass the published schema", async () => {
  const { session, segment } = await openedLog();
  session.append(intent("r1"));
  const [opened] = linesOf(segment);
  const isValid = new Ajv2020({ allowUnionTypes: true }).compile(auditEventSchema as object);
  expect(isValid({ ...opened, type: "session.renamed", purpose_code: 4 })).toBe(true);
  expect(schemaProblems({ ...opened, purpose_code: 4 })).not.toEqual([]);
  expect(schemaProblems({ ...opened, type: "session.renamed" })).not.toEqual([]);
});

test("every type that the code can write is one of the schema, and none is left over", () => {
  const source = new URL("../../src/", import.meta.url);
  const text = readdirSync(source, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts") && !name.endsWith("event-words.ts"))
    .map((name) => readFileSync(new URL(name, source), "utf8"))
    .join("\n");
  const { allOf } = auditEventSchema as unknown as { allOf: { if: { properties: { type: { const: string } } } }[] };
  const types = allOf.map((one) => one.if.properties.type.const);
  const written = (type: string): boolean => text.includes(`"${type}"`);
  expect(types.filter((type) => !written(type))).toEqual([]);
  const known = new Set(types);
  const appended = [...text.matchAll(/(?:append|commitOwn|#commit)\([^;]*?"([a-z]+\.[a-z_]+)"/g)].map(
    ([, type]) => type,
  );
  expect(appended.length).toBeGreaterThan(8);
  expect(appended.filter((type = "") => !known.has(type))).toEqual([]);
});

test("session and purpose stand where they are said to stand", async () => {
  const { segment, ledger } = await openedLog();
  expect(linesOf(segment)[0]).toMatchObject({ session_id: OPENING.id, purpose: OPENING.purpose });
  expect(linesOf(ledger).map(({ type }) => type)).toContain("session.opened");
});
