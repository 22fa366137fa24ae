import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { staticSecret } from "../../src/broker/index.js";
import { createMasker, type MaskingPass } from "../../src/masking/index.js";
import { KnownSecrets } from "../../src/masking/known/known-secrets.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";
import { AROUND, bytes, WAYS } from "./spellings.js";

/*
 * Rule: a known credential is found after decoding, in bodies and in every header field. A service that echoes what it was
 * sent gives the credential back in whatever way its framework writes it.
 */

const OPAQUE = "k3y-9f8A7b.6C5d_4E3f2a1B0c";
const SIGNED = `eyJhbGciOiJFUzI1NiIsImtpZCI6IjEifQ.${Buffer.from('{"sub":"ada","exp":1}').toString("base64url")}.c2lnbmF0dXJlLW9m`;
const ODD = "p@ss/w0rd+with=odd (chars)!'*&\"quoted\\~";
const UNICODE = "schlüssel-zürich-ñandú-🔑-9f8a";
const LIVE = [OPAQUE, SIGNED, ODD, UNICODE];
/** What differs from a live one in its last character, or ends before it, is none. */
const SIMILAR = LIVE.flatMap((secret) => [
  `${secret.slice(0, -1)}${secret.endsWith("!") ? "?" : "!"}`,
  secret.slice(0, -2),
]);

/** Nothing but known secrets is looked for. */
const masker = createMasker({ detectors: [] });
const known = KnownSecrets.of(LIVE);

const writtenIn = (secrets: readonly string[]): readonly (readonly [string, string, string])[] =>
  secrets.flatMap((secret) => [
    ...Object.entries(WAYS).map(([way, write]) => [way, secret, write(secret)] as const),
    ...Object.entries(AROUND).flatMap(([way, write]) =>
      [0, 1, 2, 3, 4].map((before) => [`in ${way}, behind ${before} bytes`, secret, write(secret, before)] as const),
    ),
  ]);

function through(pass: MaskingPass, body: Uint8Array, cuts: readonly number[] = []): string {
  const out: Uint8Array[] = [];
  let from = 0;
  for (const to of [...cuts, body.length]) {
    out.push(Uint8Array.from(pass.push(body.subarray(from, to))));
    from = to;
  }
  out.push(pass.flush());
  return Buffer.concat(out).toString("utf8");
}

/** Whether six bytes in a row of the secret can still be read, by whoever decodes what is left. */
function leaks(masked: string, secret: string): boolean {
  const pieces = masked.split("[REDACTED:CREDENTIAL]");
  const read = pieces.flatMap((piece) => [
    ...[piece, piece.replace(/&#x?0*([0-9a-f]+);?/gi, "$1")].map(bytes),
    ...piece
      .replaceAll(/\\[rn]|[\r\n]/g, "")
      .split(/[<> ]/)
      .flatMap((word) => [0, 1, 2, 3].map((at) => decodeURIComponent(word).slice(at)))
      .flatMap((word) => [Buffer.from(word, "base64"), Buffer.from(word, "hex")]),
  ]);
  const all = bytes(secret);
  for (let i = 0; i + 6 <= all.length; i++) if (read.some((text) => text.includes(all.subarray(i, i + 6)))) return true;
  return false;
}

describe("a live credential in a body", () => {
  it.each(writtenIn(LIVE))("is found %s", (_way, secret, written) => {
    const text = `<p>before ${written} after</p>`;
    const masked = through(masker.open({ contentType: "text/html", secrets: known }), bytes(text));
    expect(masked).toContain("[REDACTED:CREDENTIAL]");
    expect(masked.startsWith("<p>before ")).toBe(true);
    expect(masked.endsWith(" after</p>")).toBe(true);
    expect(leaks(masked, secret)).toBe(false);
    const everyByte = Array.from({ length: bytes(text).length - 1 }, (_, i) => i + 1);
    const pass = masker.open({ contentType: "text/html", secrets: known });
    expect(through(pass, bytes(text), everyByte)).toBe(masked);
  });

  it.each(writtenIn(SIMILAR))("is not seen in what resembles it, %s", (_way, _secret, written) => {
    const text = `<p>before ${written} after</p>`;
    expect(through(masker.open({ contentType: "text/html", secrets: known }), bytes(text))).toBe(text);
  });

  it("is found in JSON, forms and events, in what their own escapes stand for", () => {
    for (const [, , written] of writtenIn(LIVE)) {
      const json = through(
        masker.open({ contentType: "application/json", secrets: known }),
        bytes(JSON.stringify([written])),
      );
      expect(json).toContain("[REDACTED:CREDENTIAL]");
      expect(JSON.parse(json)).toHaveLength(1);
      const form = through(
        masker.open({ contentType: "application/x-www-form-urlencoded", secrets: known }),
        bytes(new URLSearchParams({ a: written }).toString()),
      );
      expect(new URLSearchParams(form).get("a")).toContain("[REDACTED:CREDENTIAL]");
      const events = through(
        masker.open({ contentType: "text/event-stream", secrets: known }),
        bytes(`data: ${JSON.stringify({ written })}\n\n`),
      );
      expect(events).toContain("[REDACTED:CREDENTIAL]");
    }
  });

  it("is found where every character is written in a way of its own, however it is cut", () => {
    const character = fc.constantFrom<(text: string) => string>(
      (text) => text,
      ...["as it is", "percent-encoded byte for byte", "percent-encoded byte for byte, twice"].map((way) => WAYS[way]!),
      ...["with decimal entities", "with hex entities", "with entities, twice"].map((way) => WAYS[way]!),
      ...["in JSON, all escaped", "in JSON in JSON, all escaped", "as a string of JavaScript"].map((way) => WAYS[way]!),
    );
    fc.assert(
      fc.property(
        fc.constantFrom(OPAQUE, SIGNED),
        fc.array(character, { minLength: 130, maxLength: 130 }),
        fc.array(fc.nat(3000), { maxLength: 5 }),
        (secret, writers, cuts) => {
          const written = Array.from(secret, (letter, i) => writers[i]!(letter)).join("");
          const text = bytes(`[${written}]`);
          const at = [...new Set(cuts.map((cut) => cut % text.length))].sort((a, b) => a - b);
          const pass = masker.open({ contentType: "text/plain", secrets: known });
          expect(through(pass, text, at)).toBe("[[REDACTED:CREDENTIAL]]");
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is found behind what looks like the beginning of an escape, and in the middle of words", () => {
    const hex = KnownSecrets.of(["deadbeef0123456789", "41424344454647"]);
    for (const before of ["%", "%25", "\\", "\\\\", "\\u", "\\x", "&", "&#", "&#x", "abc", "=", "%4", "&am"]) {
      for (const secret of ["deadbeef0123456789", "41424344454647"]) {
        const masked = through(
          masker.open({ contentType: "text/plain", secrets: hex }),
          bytes(`x ${before}${secret} y`),
        );
        // A backslash may be taken for a part of it.
        expect([`x ${before}[REDACTED:CREDENTIAL] y`, "x [REDACTED:CREDENTIAL] y"]).toContain(masked);
      }
    }
  });

  it("that looks escaped itself is found as it is, and escaped once more", () => {
    const secret = "%41%42&amp;\\u0041\\/x%2F-=9";
    const live = KnownSecrets.of([secret]);
    for (const [, , written] of writtenIn([secret])) {
      expect(through(masker.open({ contentType: "text/plain", secrets: live }), bytes(written))).toContain(
        "[REDACTED:CREDENTIAL]",
      );
    }
  });
});

describe("a text without a live credential", () => {
  const piece = fc.oneof(
    fc.constantFrom(
      "%20",
      "%2",
      "%",
      "&amp;",
      "&#",
      "&#x41;",
      "\\",
      "\\\\u00",
      "\\u0041",
      "\r\n",
      "+",
      "=",
      "k3y-",
      "a3kz",
    ),
    fc.base64String({ maxLength: 40 }),
    fc.string({ maxLength: 12 }),
    fc.constantFrom(...LIVE.map((secret) => secret.slice(0, 6))),
  );

  it("goes out as it came, byte for byte, however it is cut", () => {
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), fc.array(fc.nat(2000), { maxLength: 4 }), (pieces, cuts) => {
        const text = pieces.join("");
        const body = bytes(text);
        const at = [...new Set(cuts.map((cut) => cut % (body.length + 1)))].sort((a, b) => a - b);
        const pass = masker.open({ contentType: "text/plain", secrets: known });
        expect(through(pass, body, at)).toBe(body.toString("utf8"));
      }),
      { numRuns: 500 },
    );
  });

  it("is not held back but for a few characters that a credential may begin with", () => {
    const pass = masker.open({ contentType: "text/plain", secrets: known });
    for (const text of ["ready\n", "words and more words ", "99 % of it, AT&T and C:\\ ", "a=b&c=d "]) {
      pass.push(bytes(text));
      expect(pass.held).toBeLessThanOrEqual(8);
    }
  });
});

describe("what it costs to look for live credentials", () => {
  it.each([
    ["the beginning of one, again and again", OPAQUE.slice(0, -1)],
    ["its base64, again and again", bytes(OPAQUE.slice(0, -1)).toString("base64")],
    ["nothing but the beginnings of escapes", "%&\\&#%u\\\\x"],
    ["escapes of escapes", "%252525252525&amp;amp;amp;amp;\\\\\\\\\\\\\\\\"],
    ["an entity that does not end", `&#${"0".repeat(100)}`],
  ])("is bounded for %s", (_what, text) => {
    const body = bytes(text.repeat(Math.ceil(300_000 / text.length)));
    const pass = masker.open({ contentType: "text/plain", secrets: known });
    let most = 0;
    let out = 0;
    for (let at = 0; at < body.length; at += 1000) {
      out += pass.push(body.subarray(at, at + 1000)).length;
      most = Math.max(most, pass.held);
    }
    expect(out + pass.flush().length).toBe(body.length);
    expect(most).toBeLessThan(2000);
  });

  it("is bounded for credentials that overlap themselves: they are masked, or the rest is withheld", () => {
    for (const secret of ["abcabcabcabc", "abcdefgh".repeat(500)]) {
      const pass = masker.open({ contentType: "text/plain", secrets: [secret] });
      const body = bytes(secret.slice(0, 8).repeat(40_000));
      let most = 0;
      let out = "";
      try {
        for (let at = 0; at < body.length; at += 1000) {
          out += Buffer.from(pass.push(body.subarray(at, at + 1000))).toString();
          most = Math.max(most, pass.held);
        }
        out += Buffer.from(pass.flush()).toString();
      } catch (error) {
        expect(error).toMatchObject({ code: "MASKING_FAILED" });
      }
      expect(out).not.toContain(secret);
      expect(most).toBeLessThan(200_000);
    }
  });

  it("of a new one does not grow with how many there are", () => {
    const many = new KnownSecrets();
    const cost = (secret: string): number => {
      const before = many.spelled;
      many.add(secret);
      return many.spelled - before;
    };
    expect(cost("credential-number-0")).toBe(1);
    for (let i = 1; i < 2000; i++) many.add(`credential-number-${i}`);
    expect(cost("credential-number-2000")).toBe(1);
    expect(cost("credential-number-2000")).toBe(0);
  });
});

describe("a live credential in the head of a response", () => {
  const field = (text: string): string => Buffer.from(text.replaceAll(/[\r\n]/g, ""), "utf8").toString("latin1");
  const NAMES = [
    ...["x-echo", "location", "link", "www-authenticate", "content-disposition", "x-request-id", "server", "etag"],
    ...["content-language", "via", "warning", "retry-after", "content-type"],
  ];

  it("is found in every field, whatever its name, and in names", async () => {
    const secret = OPAQUE;
    const attacks = writtenIn([secret]).filter(([way]) => !way.includes("lines of"));
    const api = await startUpstream((request, response) => {
      const at = Number(new URL(request.url, "http://a").searchParams.get("at"));
      const written = field(attacks[at]?.[2] ?? "");
      for (const name of NAMES)
        response.setHeader(name, name === "content-type" ? `text/plain; x="${written}"` : written);
      response.setHeader(`x-${secret}`, "1").end("hello, hello");
    });
    onTestFinished(() => api.close());
    const { session, directory, guard } = await testGuard({
      policy: loopbackPolicy(
        api.origin,
        [{ id: "all", effect: "allow", service: "api", methods: ["GET"], path: "/**" }],
        {
          credential: "key",
        },
      ),
      credentials: { key: staticSecret({ scheme: "bearer", secret }) },
    });
    for (const [at, [way, , written]] of attacks.entries()) {
      const response = await session.fetch(`${api.origin}/?at=${at}`);
      for (const name of NAMES) {
        const value = response.headers.get(name) ?? "";
        expect([way, name, value.includes("REDACTED"), leaks(value, secret)]).toEqual([way, name, true, false]);
      }
      expect([...response.headers.keys()].some((name) => name.includes(secret.toLowerCase()))).toBe(false);
      expect(await response.text()).toBe("hello, hello");
      expect(written).not.toBe("");
    }
    await guard.close();
    const record = JSON.stringify(recordedEvents(directory));
    expect(record).not.toContain(secret);
    expect(record).not.toContain(encodeURIComponent(secret));
  });

  it("does not change what fields hold otherwise", async () => {
    const fields: Readonly<Record<string, string>> = {
      "x-request-id": "k3y-9f8A7b.6C5d_4E3f2a1B0d",
      "x-trace": "%6b3y-9f8&amp;#107; azN5LTlmOEE3",
      etag: '"c2VjcmV0LW9mLW5vYm9keQ=="',
    };
    const api = await startUpstream((_request, response) => {
      for (const [name, value] of Object.entries(fields)) response.setHeader(name, value);
      response.end("ok");
    });
    onTestFinished(() => api.close());
    const { session } = await testGuard({
      policy: loopbackPolicy(
        api.origin,
        [{ id: "all", effect: "allow", service: "api", methods: ["GET"], path: "/**" }],
        {
          credential: "key",
        },
      ),
      credentials: { key: staticSecret({ scheme: "bearer", secret: OPAQUE }) },
    });
    const response = await session.fetch(`${api.origin}/`);
    for (const [name, value] of Object.entries(fields)) expect(response.headers.get(name)).toBe(value);
  });
});
