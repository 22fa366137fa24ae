import { Buffer } from "node:buffer";
import { readFileSync } from "node:fs";
import { inspect } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { WITHHELD } from "../../src/audit/encode.js";
import { type AuditEvent, verifyAudit } from "../../src/audit/index.js";
import { maskUrl } from "../../src/audit/mask-url.js";
import { cut, printable, quote } from "../../src/audit/text.js";
import { completed, DECISION, everythingIn, HTTP, intent, linesOf, OPENING, openedLog } from "./support.js";

const CANARY = 'tok_9f+/Zq"7=canary&secret';

describe("8: a live secret is in no file, however it got into an event", () => {
  const encodings: readonly [string, (secret: string) => string][] = [
    ["plain", (secret) => secret],
    ["percent-encoded", encodeURIComponent],
    [
      "percent-encoded in lower case",
      (secret) => encodeURIComponent(secret).replace(/%../g, (octet) => octet.toLowerCase()),
    ],
    [
      "percent-encoded to the last letter",
      (secret) => secret.replace(/./g, (letter) => `%${letter.charCodeAt(0).toString(16)}`),
    ],
    ["Base64", (secret) => Buffer.from(secret).toString("base64")],
    ["Base64url", (secret) => Buffer.from(secret).toString("base64url")],
    ["Base64 of HTTP Basic", (secret) => Buffer.from(`client:${secret}`).toString("base64")],
    ["Base64 in the middle of something", (secret) => Buffer.from(`{"t":"${secret}"}`).toString("base64")],
    ["inside JSON", (secret) => JSON.stringify({ secret })],
  ];
  const places: readonly [string, (value: string) => Partial<AuditEvent>][] = [
    ["path", (value) => ({ http: { ...HTTP, url: `https://crm.example/x/${value}` } })],
    ["unsuspicious query parameter", (value) => ({ http: { ...HTTP, url: `https://crm.example/?page=${value}` } })],
    ["reason", (value) => ({ decision: { ...DECISION, reason: `because of ${value}.` } })],
    ["shown header", (value) => ({ http: { ...HTTP, req_headers: [["x-request-id", value]] } })],
    ["header name", (value) => ({ http: { ...HTTP, req_headers: [[value, "x"]] } })],
    ["error", (value) => ({ error: { class: "Error", code: value } })],
    ["dropped header", (value) => ({ dropped_headers: [value] })],
    ["approver's words", (value) => ({ approval: { id: "a1", reason: value } })],
    ["name of a class", (value) => ({ mask: { applied: true, counts: { [value]: 1 } } })],
    ["value that is cut off", (value) => ({ decision: { ...DECISION, reason: "x".repeat(2048 - 15) + value } })],
  ];
  test.each(encodings)("%s", async (_name, encode) => {
    const { log, session, directory, signer } = await openedLog({ secrets: () => [CANARY] });
    const value = encode(CANARY);
    for (const [, place] of places) session.append({ ...completed("r1"), ...place(value) } as AuditEvent);
    log.policyLoaded({ id: value, hash: "ab" });
    const other = log.openSession({
      ...OPENING,
      id: "s2",
      purpose: value,
      agent: { id: "bot", name: value },
      principal: { ...OPENING.principal, name: value },
    });
    await other.close(value);
    await log.close();
    const everything = everythingIn(directory);
    for (const [, form] of encodings) expect(everything).not.toContain(form(CANARY));
    expect(everything).not.toContain(value.slice(0, 12));
    expect(everything).toContain(WITHHELD);
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
  });
});

test("only the field with the secret is withheld, and the operator is told without it", async () => {
  const warnings: string[] = [];
  const { session, segment } = await openedLog({
    secrets: () => [CANARY],
    warn: (message) => void warnings.push(message),
  });
  session.append({ ...intent("r1"), decision: { ...DECISION, reason: CANARY } } as AuditEvent);
  session.append({ ...intent("r2"), decision: { ...DECISION, reason: CANARY } } as AuditEvent);
  expect(linesOf(segment).at(-1)).toMatchObject({
    request_id: "r2",
    http: { url: HTTP.url },
    decision: { rule: "read-accounts", reason: WITHHELD },
  });
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).not.toContain(CANARY);
});

test("a secret is looked for from the moment it is live, and short or empty ones blind nothing", async () => {
  const live = ["", "a", "data"];
  const { session, segment } = await openedLog({ secrets: () => live });
  const reason = (text: string): AuditEvent =>
    ({ ...intent("r"), decision: { ...DECISION, reason: text } }) as AuditEvent;
  session.append(reason("some data later-secret"));
  live.push("later-secret");
  session.append(reason("some data later-secret"));
  expect(
    linesOf(segment)
      .map((line) => (line["decision"] as { reason: string } | undefined)?.reason)
      .slice(2),
  ).toEqual(["some data later-secret", WITHHELD]);
});

test("a list of secrets that cannot be read closes the door", async () => {
  let broken = false;
  const { session, segment } = await openedLog({
    secrets: () => {
      if (broken) throw new Error(CANARY);
      return [];
    },
  });
  broken = true;
  expect(() => session.append(intent("r1"))).toThrow(
    expect.objectContaining({ systemCode: "SECRETS", message: expect.not.stringContaining(CANARY) }),
  );
  try {
    session.append(intent("r1"));
  } catch (error) {
    expect(inspect(error, { depth: 9 })).not.toContain("canary");
  }
  expect(linesOf(segment)).toHaveLength(2);
});

describe("51: URLs in the record", () => {
  test.each([
    ["https://user:pa55@h.example/x", "https://REDACTED@h.example/x"],
    ["https://user@with@h.example", "https://REDACTED@h.example"],
    ["https:\\\\user:pa55@h.example\\x", "https:\\\\REDACTED@h.example\\x"],
    ["https:user:pa55@h.example/", "https:REDACTED@h.example/"],
    ["//user:pa55@h.example/", "//REDACTED@h.example/"],
    ["user:pa55@h.example/x", "user:REDACTED@h.example/x"],
    ["h\tttps://user:pa55@h.example/", "https://REDACTED@h.example/"],
    ["https://h.example/a@b?q=c@d", "https://h.example/a@b?q=c@d"],
    ["https://h.example/?access_token=abc&page=2", "https://h.example/?access_token=REDACTED&page=2"],
    ["https://h.example/?page=2;api_key=abc", "https://h.example/?page=2;api_key=REDACTED"],
    ["https://h.example/?%61ccess_%74oken=abc", "https://h.example/?%61ccess_%74oken=REDACTED"],
    ["https://h.example/?filter[token]=abc", "https://h.example/?filter[token]=REDACTED"],
    [
      "https://h.example/?X-Amz-Signature=a%3Db&X-Amz-Date=1",
      "https://h.example/?X-Amz-Signature=REDACTED&X-Amz-Date=1",
    ],
    ["https://h.example/?sig=a=b=c&sv=1", "https://h.example/?sig=REDACTED&sv=1"],
    ["https://h.example/?clientSecret=a#id_token=b", "https://h.example/?clientSecret=REDACTED#id_token=REDACTED"],
    ["https://h.example/?to\nken=abc", "https://h.example/?token=REDACTED"],
    ["https://h.example/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln/x", "https://h.example/REDACTED/x"],
    ["https://h.example/?q=Bearer%20eyJ.eyJhbGciOiJIUzI1NiJ9.e30.c2ln", "https://h.example/?q=Bearer%20eyJ.REDACTED"],
    ["https://h.example/?monkey=1&design=2&keys=3", "https://h.example/?monkey=1&design=2&keys=3"],
    ["https://h.example/plain/path", "https://h.example/plain/path"],
  ])("%j becomes %j", (url, masked) => {
    expect(maskUrl(url)).toBe(masked);
  });

  test("a password never survives, wherever in a URL's front it stands", () => {
    fc.assert(
      fc.property(fc.webUrl({ withQueryParameters: true }), fc.stringMatching(/^[a-z0-9]{1,12}$/), (url, user) => {
        const { protocol, host, pathname, search } = new URL(url);
        const masked = maskUrl(`${protocol}//${user}:pa55word@${host}${pathname}${search}`);
        expect(masked).not.toContain("pa55word");
        expect(new URL(masked).host).toBe(host);
      }),
      { numRuns: 50 },
    );
  });

  test("a hostile URL of 200 kB takes no more time than its length", () => {
    for (const part of ["@", "?", "&a=", "/\\", "eyJ", "eyJ-", "eyJ.", "%", "&token", "eyJaaaaaa.", "a", "%41"]) {
      const text = part.repeat(200_000 / part.length);
      for (const url of [text, `https://${text}`, `https://h/${text}`, `https://h/?${text}`]) maskUrl(url);
    }
  });
});

test("headers keep name, order and number; only harmless ones keep their value", async () => {
  const { session, segment } = await openedLog();
  const res_headers = [
    ["Set-Cookie", "sid=1"],
    ["set-cookie", "sid=2"],
    ["Content-Type", "text/html"],
    ["X-Api-Key", "k"],
    ["Location", "https://u:p@h.example/?code=1&x=2"],
  ] as const;
  session.append({ ...completed("r1"), http: { ...HTTP, res_headers } } as AuditEvent);
  expect(linesOf(segment).at(-1)).toHaveProperty(
    ["http", "res_headers"],
    [
      ["Set-Cookie", "REDACTED"],
      ["set-cookie", "REDACTED"],
      ["Content-Type", "text/html"],
      ["X-Api-Key", "REDACTED"],
      ["Location", "https://REDACTED@h.example/?code=REDACTED&x=2"],
    ],
  );
});

describe("50: the size of a line", () => {
  test("a URL of 100 kB, a header of 70 kB and 5000 headers: a line within 64 KiB that says what was cut", async () => {
    const { log, session, segment, directory, signer } = await openedLog();
    const url = `https://crm.example/${"a".repeat(100_000)}`;
    const many = Array.from({ length: 5000 }, (_, index) => ["x-request-id", `v${index}`] as const);
    session.append({
      ...intent("r1"),
      http: { ...HTTP, url, req_headers: [["etag", "e".repeat(70_000)]], res_headers: many },
    } as AuditEvent);
    const raw = readFileSync(segment, "utf8").trimEnd().split("\n").at(-1) ?? "";
    expect(Buffer.byteLength(raw)).toBeLessThanOrEqual(65_536);
    const line = JSON.parse(raw) as Record<string, unknown>;
    expect(line["trunc"]).toMatchObject({ "http.url": url.length, "http.req_headers": 70_000 });
    expect(line["trunc"]).toHaveProperty(["http.res_headers"]);
    expect(line).toMatchObject({ request_id: "r1", decision: DECISION, http: { host: "crm.example" } });
    await log.close();
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
  });

  test("whatever is put in, the line fits, parses, and the log verifies", async () => {
    const { log, session, segment, directory, signer } = await openedLog();
    const wild = fc.oneof(
      fc.string({ unit: "binary", maxLength: 50 }),
      fc
        .constantFrom("\u0000", "\ud83d\ude00", "\ud800", "\u202e", "\u0085", '"\\')
        .chain((unit) => fc.integer({ min: 0, max: 20_000 }).map((count) => unit.repeat(count))),
    );
    const headers = fc.array(fc.tuple(wild, wild), { maxLength: 80 });
    const texts = fc.array(wild, { maxLength: 80 });
    const counts = fc.dictionary(wild, fc.oneof(fc.integer(), fc.double()), { maxKeys: 80 });
    fc.assert(
      fc.property(
        wild,
        wild,
        headers,
        texts,
        counts,
        fc.double(),
        (url, reason, req_headers, dropped_headers, found, total_ms) => {
          session.append({
            type: "request.completed",
            request_id: reason,
            http: { ...HTTP, method: "GET", url, route: url, req_headers, res_headers: req_headers },
            decision: { ...DECISION, reason, rule: url },
            dropped_headers,
            on_behalf_of: dropped_headers,
            mask: { applied: true, counts: found },
            timing: { total_ms },
          });
        },
      ),
      { numRuns: 60 },
    );
    await log.close();
    for (const line of readFileSync(segment, "utf8").split("\n"))
      expect(Buffer.byteLength(line)).toBeLessThanOrEqual(65_536);
    for (const line of linesOf(segment)) expect(JSON.stringify(line)).not.toMatch(/[\ud800-\udbff](?![\udc00-\udfff])/);
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
  });

  test("identity of any length fits too", async () => {
    const long = "\u0001".repeat(100_000);
    const principal = { id: long, type: "human", issuer: long, tenant: long, name: long } as const;
    const agent = { id: long, instance: long, version: long, name: long };
    const { log, session, directory, signer } = await openedLog({}, { ...OPENING, principal, agent, purpose: long });
    session.append({
      ...intent("r1"),
      decision: { ...DECISION, reason: long },
      http: { ...HTTP, url: long },
    } as AuditEvent);
    await log.close();
    expect((await verifyAudit(directory, { key: signer.verifierKey })).verdict).toBe("COMPLETE");
  });

  test("a text is never cut inside a character", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 20 }), (text, limit) => {
        const short = cut(text, limit);
        expect(text.startsWith(short)).toBe(true);
        expect(short.length).toBeGreaterThanOrEqual(Math.min(text.length, limit - 1));
        expect(Buffer.from(short).toString()).toBe(short);
      }),
    );
  });
});

describe("57: recorded text is inert", () => {
  test("what is quoted is one line, means the same, and holds nothing a terminal acts on", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const quoted = quote(text);
        expect(JSON.parse(quoted)).toBe(text);
        expect(quoted).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}\u2028\u2029]/u);
      }),
      { numRuns: 500 },
    );
    expect(quote("\u009b31m\u202e\u2028\u{e0041}")).toBe('"\\u009b31m\\u202e\\u2028\\udb40\\udc41"');
  });
});
