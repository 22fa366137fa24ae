import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { recordedEvents } from "../support/guards.js";
import { type Attacked, attacked, CARD, MAIL, outcome, textOf } from "./support/service.js";

const BODY = JSON.stringify({ card: CARD, mail: MAIL });
const MASKED = '{"card":"[REDACTED:CREDIT_CARD]","mail":"[REDACTED:EMAIL]"}';
const HARMLESS = '{"id":42,"name":"widget"}';
const json = { "content-type": "application/json" };
const digest = (algorithm: string, text: string, encoding: "hex" | "base64" = "base64"): string =>
  createHash(algorithm).update(text).digest(encoding);
const sri = (text: string): string => `sha256-${digest("sha256", text)}`;

describe("a digest that the caller gives", () => {
  it("says the same of a right guess at what is masked and of a wrong one", async () => {
    for (const sized of [true, false]) {
      const target = await attacked(() => ({ headers: json, body: BODY, sized }));
      for (const guess of [BODY, BODY.replace("1111", "2222")])
        expect(await textOf(target, { integrity: sri(guess) })).toBe("TypeError: fetch failed");
      expect(recordedEvents(target.directory).at(-1)).toMatchObject({ type: "request.failed", error: { sent: "yes" } });
      expect(await textOf(target, { integrity: sri(MASKED) })).toBe(MASKED);
      expect(recordedEvents(target.directory).at(-1)).toMatchObject({ type: "request.completed" });
    }
  });

  it("holds for a body in which nothing was masked, and fails for another", async () => {
    const target = await attacked(() => ({ headers: json, body: HARMLESS }));
    expect(await textOf(target, { integrity: `sha256-${"A".repeat(43)}= ${sri(HARMLESS)}` })).toBe(HARMLESS);
    expect(await textOf(target, { integrity: sri(`${HARMLESS} `) })).toBe("TypeError: fetch failed");
  });

  it.each([
    ["many of them", Array.from({ length: 17 }, (_, i) => sri(String(i))).join(" ")],
    ["a long text", `sha256-${"A".repeat(5000)}`],
  ])("is refused before anything is sent where it is %s", async (_what, integrity) => {
    const target = await attacked(() => ({ headers: json, body: HARMLESS }));
    expect(await textOf(target, { integrity })).toMatch(/^TypeError/);
    expect(await textOf(target, { integrity: `${integrity}\n${sri(HARMLESS)}` })).toMatch(/^TypeError/);
    expect(target.api.received).toEqual([]);
  });
});

/** A service whose entity tags are digests of its bodies, as those of many are. */
async function tagged(body: () => string): Promise<Attacked> {
  const target = await attacked(() => {
    const seen = target.api.received.at(-1)?.headers ?? {};
    const tag = `"${digest("md5", body(), "hex")}"`;
    const isSame = seen["if-none-match"]?.includes(tag) === true;
    const isOther = seen["if-match"] !== undefined && !String(seen["if-match"]).includes(tag);
    const headers = { ...json, etag: tag };
    if (isSame) return { status: 304, headers, body: "" };
    return isOther ? { status: 412, headers: json, body: "{}" } : { headers, body: body(), sized: true };
  });
  return target;
}

const tagOf = (text: string): string => `"${digest("md5", text, "hex")}"`;

describe("an entity tag that the caller gives", () => {
  it.each([
    ["if-none-match", tagOf(BODY)],
    ["if-none-match", `W/${tagOf(BODY)}`],
    ["if-none-match", `${tagOf("other")}, ${tagOf(BODY)}`],
    ["if-none-match", `"v1",${tagOf(BODY)}`],
    ["if-match", tagOf(BODY)],
    ["if-match", tagOf("other")],
    ["if", `([${tagOf(BODY)}])`],
  ])("tells nothing of a body that was masked: %s: %s", async (name, value) => {
    const target = await tagged(() => BODY);
    expect(await textOf(target)).toBe(MASKED);
    expect(await textOf(target, { headers: { [name]: value } })).toBe(MASKED);
    expect(await outcome(target, { method: "HEAD", headers: { [name]: value } })).toMatchObject({
      response: { status: 200 },
    });
    for (const { headers } of target.api.received)
      expect(headers[name] ?? "").not.toContain(digest("md5", BODY, "hex"));
  });

  it("works for a body that the caller got as it was, at the same place only", async () => {
    let body = HARMLESS;
    const target = await tagged(() => body);
    const first = await outcome(target);
    expect(first).toMatchObject({ response: { status: 200 } });
    const etag = tagOf(HARMLESS);
    expect(typeof first === "object" && first.response.headers.get("etag")).toBe(etag);
    expect(await outcome(target, { headers: { "if-none-match": etag } })).toMatchObject({ response: { status: 304 } });
    expect(await outcome(target, { headers: { "if-none-match": `W/${etag}` } })).toMatchObject({
      response: { status: 304 },
    });
    expect(await outcome(target, { headers: { "if-match": etag } })).toMatchObject({ response: { status: 200 } });
    body = BODY;
    expect(await textOf(target, { headers: { "if-none-match": etag } })).toBe(MASKED);
    const elsewhere = await target.session.fetch(`${target.api.origin}/other`, { headers: { "if-none-match": etag } });
    expect(elsewhere.status).toBe(200);
  });

  it("is sent with a write, whose caller knows what it wants to change, and where it says no more than a version", async () => {
    const target = await attacked(() => ({ headers: json, body: HARMLESS }));
    await textOf(target, { method: "PUT", body: "{}", headers: { "if-match": tagOf(BODY) } });
    expect(target.api.received.at(-1)?.headers["if-match"]).toBe(tagOf(BODY));
    for (const value of ['"v1"', "*", 'W/"12"']) {
      await textOf(target, { headers: { "if-none-match": value } });
      expect(target.api.received.at(-1)?.headers["if-none-match"]).toBe(value);
    }
  });

  it("is the caller's to give where masking is off", async () => {
    const target = await attacked(() => ({ headers: json, body: HARMLESS }), {
      options: { masking: false },
      credential: false,
    });
    await textOf(target, { headers: { "if-none-match": tagOf(BODY) } });
    expect(target.api.received.at(-1)?.headers["if-none-match"]).toBe(tagOf(BODY));
  });
});

/** By what names services send digests of a body. */
const DIGESTS = [
  "etag",
  "content-md5",
  "digest",
  "repr-digest",
  "content-digest",
  "x-amz-checksum-sha256",
  "x-amz-checksum-crc32c",
  "x-goog-hash",
  "x-ms-blob-content-md5",
  "x-ms-content-crc64",
  "x-oss-hash-crc64ecma",
  "x-checksum-sha1",
  "x-body-sha512",
  "x-old-etag",
];

describe("a digest that the service gives", () => {
  const fields = Object.fromEntries(DIGESTS.map((name) => [name, `"${digest("md5", BODY, "hex")}"`]));
  const shown = (headers: Headers): string[] => DIGESTS.filter((name) => headers.has(name));

  it("is left out where the caller does not get those bytes, and where nobody knows what it would get", async () => {
    for (const sized of [true, false]) {
      const target = await attacked(() => ({ headers: { ...json, ...fields }, body: BODY, sized }));
      for (const method of ["GET", "HEAD"]) {
        const response = await target.session.fetch(`${target.api.origin}/x`, { method });
        expect(shown(response.headers)).toEqual([]);
        await response.text();
      }
    }
    const unchanged = await attacked(() => ({ status: 304, headers: { ...json, ...fields }, body: "" }));
    expect(shown((await unchanged.session.fetch(`${unchanged.api.origin}/x`)).headers)).toEqual([]);
  });

  it("is there where the caller gets those bytes, or has just written them", async () => {
    const target = await attacked(() => ({
      headers: { ...json, ...fields, "x-request-id": "7" },
      body: HARMLESS,
      sized: true,
    }));
    expect(shown((await target.session.fetch(`${target.api.origin}/x`)).headers)).toEqual(DIGESTS);
    const written = await attacked(() => ({ status: 204, headers: { ...fields }, body: "" }));
    const put = await written.session.fetch(`${written.api.origin}/x`, { method: "PUT", body: HARMLESS });
    expect(shown(put.headers)).toEqual(DIGESTS);
  });

  it("is not what a version is, nor an id", async () => {
    const target = await attacked(() => ({
      headers: { ...json, etag: '"v7"', "x-shard": "4", "x-hashtag": "x" },
      body: BODY,
    }));
    const response = await target.session.fetch(`${target.api.origin}/x`, { method: "HEAD" });
    expect(Object.fromEntries(response.headers)).toMatchObject({ etag: '"v7"', "x-shard": "4", "x-hashtag": "x" });
  });
});
