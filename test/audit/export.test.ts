import { createHash, randomBytes } from "node:crypto";
import { appendFileSync, existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { isIPv4, isIPv6 } from "node:net";
import { join } from "node:path";
import { Ajv } from "ajv";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { type AuditEvent, eraseBody, exportAudit } from "../../src/audit/index.js";
import { run } from "../../src/cli/run.js";
import { fakeIo } from "../cli/support.js";
import { scene } from "../recording/support.js";
import { schemaProblems } from "../support/event-schema.js";
import { OCSF_CLASSES } from "./ocsf.js";
import {
  completed,
  DECISION,
  denied,
  HTTP,
  intent,
  linesOf,
  OPENING,
  type Opened,
  openedLog,
  temporaryDirectory,
} from "./support.js";

const load = createRequire(import.meta.url);

async function exported(...[directory, options]: Parameters<typeof exportAudit>): Promise<string> {
  const { chunks } = await exportAudit(directory, options);
  let all = "";
  for await (const chunk of chunks ?? []) all += chunk;
  return all;
}

/** One event of each family, hostile texts among them. */
async function record(): Promise<Opened & { readonly key: string }> {
  const opened = await openedLog();
  const { session, log, signer } = opened;
  const approval = { id: "a1", outcome: "approved", approver: "bob", reason: '=HYPERLINK("http://evil")' } as const;
  const credential = { kid: "k1", scope: "read", exp: 1_800_000_000, audience: "crm" };
  const alert = { rule: "D01", version: "1", severity: "high", count: 5, evidence: ["s1#2"] };
  for (const event of [
    intent("r1"),
    { ...completed("r1"), credential, mask: { applied: true, counts: { EMAIL: 2 } } },
    denied("r2"),
    { ...intent("r3"), decision: { ...DECISION, effect: "require_approval", enforced: "require_approval" } },
    {
      type: "request.failed",
      request_id: "r3",
      attempt: 1,
      http: HTTP,
      error: { class: "TypeError", code: "ECONNRESET" },
    },
    { type: "approval.decided", request_id: "r3", http: HTTP, approval },
    { type: "approval.requested", request_id: "r3", http: HTTP, approval: { id: "a1" } },
    { type: "credential.issued", credential },
    { type: "credential.refused", error: { class: "CredentialError", code: "invalid_scope" } },
    { type: "alert.raised", alert },
    { type: "alert.suppressed", alert: { rule: "D01", suppressed: 3 } },
  ] as AuditEvent[])
    session.append(event);
  log.policyLoaded({ hash: "ab".repeat(32) });
  await log.close();
  return { ...opened, key: signer.verifierKey };
}

describe("62: HAR", () => {
  const load06 = load("ajv/dist/refs/json-schema-draft-06.json") as object;
  const schemas = load("har-schema") as Record<string, { readonly properties?: object }>;
  const compiler = new Ajv({
    strict: false,
    formats: { "date-time": true, ipv4: isIPv4, ipv6: isIPv6, uri: URL.canParse },
  });
  compiler.addMetaSchema(load06);
  for (const [name, schema] of Object.entries(schemas)) compiler.addSchema(schema, `${name}.json`);
  const problemsOf = (har: unknown): unknown => (compiler.validate("har.json#", har) ? [] : compiler.errors);

  interface Har {
    readonly log: { readonly comment: string; readonly entries: readonly Record<string, Record<string, unknown>>[] };
  }

  test("of real calls passes the schema of HAR 1.2, with what was kept of their bodies", async () => {
    const image = randomBytes(3000);
    const { session, api, guard, directory } = await scene("both", (request, response) => {
      response.setHeader("set-cookie", "session=s3cret");
      response.setHeader("content-type", request.url === "/image" ? "image/png" : "application/json");
      response.end(
        request.url === "/image" ? image : JSON.stringify({ mail: "grace@example.com", pad: "x".repeat(9000) }),
      );
    });
    const headers = { "content-type": "application/json", authorization: "Bearer s3cret-of-the-agent", accept: "*/*" };
    await (
      await session.fetch(`${api.origin}/a?q=1&api_key=s3cret`, { method: "POST", headers, body: '{"n":1}' })
    ).text();
    await (await session.fetch(`${api.origin}/image`)).arrayBuffer();
    await session.fetch(`${api.origin}/a`, { method: "DELETE" }).catch(() => undefined);
    await guard.close();
    const text = await exported(directory, { format: "har" });
    const har = JSON.parse(text) as Har;
    expect(problemsOf(har)).toEqual([]);
    expect(text).not.toContain("s3cret");
    expect(har.log.comment).toBe("sallyport audit verify: COMPLETE");
    expect(har.log.entries).toHaveLength(2);
    const [json, picture] = har.log.entries;
    expect(json?.["request"]).toMatchObject({
      method: "POST",
      queryString: [
        { name: "q", value: "1" },
        { name: "api_key", value: "REDACTED" },
      ],
      postData: { mimeType: "application/json", text: '{"n":1}' },
    });
    expect(json?.["response"]).toMatchObject({ status: 200 });
    expect(JSON.stringify(json)).toContain("[REDACTED:EMAIL]");
    expect(picture?.["response"]?.["content"]).toMatchObject({
      size: 3000,
      mimeType: "image/png",
      encoding: "base64",
      text: image.toString("base64"),
    });
    // What HAR does not know begins with an underscore.
    const names = (schema: string): Set<string> => new Set(Object.keys(schemas[schema]?.properties ?? {}));
    for (const entry of har.log.entries)
      for (const [part, schema] of [
        ["request", "request"],
        ["response", "response"],
      ] as const)
        expect(Object.keys(entry[part] ?? {}).filter((key) => !key.startsWith("_") && !names(schema).has(key))).toEqual(
          [],
        );
  });

  test("of intents without an outcome, of failures and of bodies that are gone passes it as well", async () => {
    const { session, log, directory, signer } = await openedLog();
    const kept = session.bodies.keep(Buffer.from("sensitive words ".repeat(1000))) ?? {};
    const body = { level: "both", bytes: 16_000, media: "text/plain", complete: true, ...kept } as const;
    session.append({ ...intent("r1"), req_body: body });
    session.append(intent("r2"));
    session.append({
      type: "request.failed",
      request_id: "r2",
      attempt: 1,
      http: HTTP,
      error: { class: "E", code: "ETIMEDOUT" },
    });
    await log.close();
    const options = { format: "har", key: signer.verifierKey } as const;
    expect(await exported(directory, options)).toContain("sensitive words");
    await eraseBody(directory, OPENING.id, 2, { reason: "asked for", by: "dpo", signer, warn: () => {} });
    const text = await exported(directory, options);
    const { log: har } = JSON.parse(text) as Har;
    expect(problemsOf({ log: har })).toEqual([]);
    expect(text).not.toContain("sensitive words");
    expect(har.entries.map(({ _outcome }) => _outcome)).toEqual(["failed", "none"]);
    expect(har.entries[0]?.["response"]).toMatchObject({ status: 0, _error: "ETIMEDOUT" });
    expect(har.entries[1]?.["request"]?.["postData"]).toMatchObject({ text: "", _state: "erased" });
  });

  test("shows no header that credentials ride on, whoever wrote it into the record", async () => {
    const { directory, segment } = await record();
    const http = {
      ...HTTP,
      url: "https://u:s3cret@h/?token=s3cret",
      req_headers: [["Authorization", "Bearer s3cret"]],
    };
    const forged = { type: "request.completed", time: "2026-01-01T00:00:00.000Z", request_id: "r9", http };
    appendFileSync(
      segment,
      `${JSON.stringify({ ...forged, http: { ...http, res_headers: [["set-cookie", "s3cret"]] } })}\n`,
    );
    const text = await exported(directory, { format: "har", unverified: true });
    expect(text).toContain("Authorization");
    expect(text).not.toContain("s3cret");
    expect(problemsOf(JSON.parse(text))).toEqual([]);
    expect(text).toContain("not verified");
  });
});

test("OCSF: each line is an event of a class that has these attributes, with the line itself and its hash", async () => {
  const { directory, key, segment, ledger } = await record();
  const events = (await exported(directory, { format: "ocsf", key }))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const compiler = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false });
  const validators = new Map(
    Object.entries(OCSF_CLASSES).map(([uid, schema]) => [Number(uid), compiler.compile(schema)]),
  );
  for (const event of events) {
    const isValid = validators.get(Number(event["class_uid"]));
    expect([event["message"], isValid?.(event), isValid?.errors]).toEqual([event["message"], true, null]);
  }
  const classes = Object.fromEntries(events.map(({ message, class_uid }) => [message, class_uid]));
  expect(classes).toMatchObject({
    "request.intent": 6003,
    "request.denied": 6003,
    "credential.issued": 3002,
    "session.opened": 3002,
    "approval.decided": 3003,
    "alert.raised": 2004,
    "log.checkpoint": 0,
  });
  const raw = [...readFileSync(ledger, "utf8").split("\n"), ...readFileSync(segment, "utf8").split("\n")].filter(
    Boolean,
  );
  expect(events.map(({ raw_data }) => raw_data)).toEqual(raw);
  for (const { raw_data, raw_data_hash } of events)
    expect(raw_data_hash).toMatchObject({ value: createHash("sha256").update(String(raw_data)).digest("hex") });
  const find = (type: string): unknown => events.find(({ message }) => message === type);
  expect(find("request.denied")).toMatchObject({
    action_id: 2,
    disposition_id: 2,
    activity_id: 2,
    status_code: "RULE_DENY",
  });
  expect(find("approval.decided")).toMatchObject({ disposition_id: 8, actor: { user: { uid: "bob" } } });
  expect(find("alert.raised")).toMatchObject({ severity_id: 4, is_alert: true, finding_info: { title: "D01" } });
});

test("CloudEvents: required attributes, a name that is unique, and the line as data to the byte", async () => {
  const { directory, key, segment } = await record();
  const text = await exported(directory, { format: "cloudevents", key, session: "s1" });
  const lines = text.trimEnd().split("\n");
  const raw = readFileSync(segment, "utf8").trimEnd().split("\n");
  expect(lines).toHaveLength(raw.length);
  const names = new Set<string>();
  for (const [index, line] of lines.entries()) {
    const { data, ...attributes } = JSON.parse(line) as Record<string, string>;
    expect(line.endsWith(`,"data":${raw[index]}}`)).toBe(true);
    expect(schemaProblems(data)).toEqual([]);
    expect(attributes).toMatchObject({ specversion: "1.0", datacontenttype: "application/json", subject: "s1" });
    expect(attributes["type"]).toMatch(/^dev\.sallyport\.audit\.[a-z_.]+$/);
    // Attribute names: lower-case letters and digits.
    expect(Object.keys(attributes).every((name) => /^[a-z0-9]+$/.test(name))).toBe(true);
    names.add(`${attributes["source"]}#${attributes["id"]}`);
  }
  expect(names.size).toBe(raw.length);
});

/** RFC 4180, as a reader has it. */
function parseCsv(text: string): readonly (readonly string[])[] {
  return text
    .split("\r\n")
    .slice(0, -1)
    .map((row) =>
      [...row.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g)].map(([, q, plain]) =>
        (q ?? plain ?? "").replaceAll('""', '"'),
      ),
    );
}

describe("CSV", () => {
  test.each(["=", "+", "-", "@", "\t", "\r", "\n", " =", "\uff1d", "\uff0b", "\uff0d", "\uff20", "\u00a0="])(
    "makes text of a cell that begins with %j, wherever it comes from",
    async (sign) => {
      const evil = `${sign}cmd|' /C calc'!A0,"x"\r\n;y`;
      const { session, directory, log, segment } = await openedLog();
      session.append({
        ...denied("r1"),
        http: { ...HTTP, method: evil },
        decision: { ...DECISION, rule: evil, reason: evil },
      });
      session.append({
        type: "approval.decided",
        request_id: evil,
        approval: { id: evil, reason: evil, approver: evil },
      });
      await log.close();
      // A line of a forger's is no longer escaped.
      appendFileSync(
        segment,
        `${JSON.stringify({ type: evil, time: evil, session_id: evil, http: { status: evil } })}\n`,
      );
      const text = await exported(directory, { format: "csv", unverified: true });
      const rows = parseCsv(text);
      const cells = rows.flat();
      expect(cells.filter((cell) => cell.includes("calc")).length).toBeGreaterThan(8);
      expect(cells.filter((cell) => /^[\s\u00a0]*[=+\-@\t\r\n\uff1d\uff0b\uff0d\uff20]/.test(cell))).toEqual([]);
      expect(new Set(rows.map((row) => row.length)).size).toBe(1);
      expect(text.replaceAll("\r\n", "")).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    },
  );

  test("has a row for each line and a heading, and numbers are numbers", async () => {
    const { directory, key, segment, ledger } = await record();
    const [heading = [], ...rows] = parseCsv(await exported(directory, { format: "csv", key }));
    expect(rows).toHaveLength(linesOf(segment).length + linesOf(ledger).length);
    const row = rows.find((one) => one[heading.indexOf("type")] === "request.completed") ?? [];
    const cell = (name: string): string | undefined => row[heading.indexOf(name)];
    expect([cell("status"), cell("masked"), cell("principal"), cell("credential")]).toEqual([
      "200",
      "EMAIL 2",
      "ada",
      "k1",
    ]);
  });
});

describe("an export", () => {
  test.each(["har", "ocsf", "cloudevents", "csv"] as const)(
    "to %s is refused where the record was changed",
    async (format) => {
      const { directory, key, segment } = await record();
      writeFileSync(segment, readFileSync(segment, "utf8").replace('"DELETE"', '"REMOVE"').replace("r2", "r8"));
      expect(await exportAudit(directory, { format, key })).toMatchObject({
        report: { verdict: "INVALID" },
        chunks: null,
      });
      expect((await exportAudit(directory, { format, key, unverified: true })).report).toBeNull();
      const other = (await record()).key;
      expect(await exportAudit(directory, { format, key: other })).toMatchObject({ chunks: null });
    },
  );

  test("takes only the session, and only from the time on, that was asked for", async () => {
    const { directory, key } = await record();
    const all = await exported(directory, { format: "cloudevents", key });
    expect(all).toContain("log.opened");
    const one = await exported(directory, { format: "cloudevents", key, session: "s1" });
    expect(one).not.toContain("log.opened");
    const [{ time = "" } = {}] = all
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { time?: string });
    const after = new Date(Date.parse(time) + 1);
    expect(await exported(directory, { format: "cloudevents", key, since: new Date(time) })).toBe(all);
    expect(await exported(directory, { format: "cloudevents", key, since: after })).toBe("");
  });

  test("reads no further than it is asked to", async () => {
    const { directory, key } = await record();
    const { chunks } = await exportAudit(directory, { format: "cloudevents", key });
    for await (const chunk of chunks ?? []) {
      expect(chunk).toContain("log.opened");
      break;
    }
  });
});

describe("sallyport audit export", () => {
  async function sallyport(...argv: string[]): Promise<{ out: string; err: string; code: number }> {
    const io = fakeIo();
    const code = await run(["audit", "export", ...argv], io);
    return { out: io.out(), err: io.err(), code };
  }

  test("writes to standard output and says beside it what verifying said", async () => {
    const { directory, key } = await record();
    const { out, err, code } = await sallyport(directory, "--format", "csv", "--key", key);
    expect([code, err]).toEqual([0, `${Buffer.byteLength(out)} bytes of csv, verified: COMPLETE\n`]);
    const unverified = await sallyport(directory, "--format", "csv", "--unverified");
    expect([unverified.code, unverified.out]).toEqual([0, out]);
    expect(unverified.err).toContain("not verified");
  });

  test("writes a file for its owner alone, and never over another", async () => {
    const { directory, key } = await record();
    const file = join(temporaryDirectory(), "out.har");
    const { out, code } = await sallyport(directory, "--format", "har", "--key", key, "--out", file, "--json");
    expect(code).toBe(0);
    const text = readFileSync(file, "utf8");
    expect(JSON.parse(out)).toEqual({
      exported: true,
      format: "har",
      verdict: "COMPLETE",
      bytes: Buffer.byteLength(text),
      file,
    });
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect((await sallyport(directory, "--format", "har", "--key", key, "--out", file)).code).toBe(64);
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  test("exports nothing of a record that was changed, and exits as verify does", async () => {
    const { directory, key, segment } = await record();
    writeFileSync(segment, readFileSync(segment, "utf8").replace("r2", "r8"));
    const file = join(temporaryDirectory(), "out.csv");
    const { out, err, code } = await sallyport(directory, "--format", "csv", "--key", key, "--out", file);
    expect([out, code, existsSync(file)]).toEqual(["", 1, false]);
    expect(err).toContain("INVALID");
  });

  test.each([
    ["a format that there is none of", ["--format", "xml"], 64],
    ["no format", [], 64],
    ["a time that is none", ["--format", "csv", "--since", "soon"], 64],
    ["a session that is not there", ["--format", "csv", "--session", "s2"], 1],
  ])("refuses %s", async (_what, argv, code) => {
    const { directory, key } = await record();
    expect((await sallyport(directory, "--key", key, ...argv)).code).toBe(code);
  });

  test("takes a time as an age, too", async () => {
    const { directory, key } = await record();
    const { out, code } = await sallyport(directory, "--format", "cloudevents", "--key", key, "--since", "1d");
    // The clock of the record stands still in the past.
    expect([code, out]).toEqual([0, ""]);
  });
});
