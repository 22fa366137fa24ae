import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { describeBody } from "../../src/request/body/describe-body.js";
import { type FingerprintInput, fingerprintOf, fingerprintPreimage } from "../../src/request/fingerprint.js";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const json = (text: string) => describeBody(bytes(text), "application/json");

const base: FingerprintInput = {
  tenant: "acme",
  agent: "billing-bot",
  onBehalfOf: "https://idp.example#u1",
  service: "ledger",
  method: "POST",
  origin: "https://ledger.internal.example",
  path: "/v1/refunds",
  search: "?tag=a&tag=b",
  body: json('{"amount":100,"invoice":"in_1"}'),
  headers: [],
};
const of = (change: Partial<FingerprintInput> = {}): string => fingerprintOf({ ...base, ...change });

describe("a fingerprint", () => {
  test("is gf2 and the SHA-256 of the documented array", () => {
    const preimage = [
      "gf2",
      "acme",
      "billing-bot",
      "https://idp.example#u1",
      "ledger",
      "POST",
      "https://ledger.internal.example",
      "/v1/refunds",
      "?tag=a&tag=b",
      "application/json",
      "json",
      createHash("sha256").update('{"amount":100,"invoice":"in_1"}').digest("hex"),
      [],
    ];
    expect(of()).toBe(`gf2:${createHash("sha256").update(JSON.stringify(preimage)).digest("base64url")}`);
  });

  test("2: differs when method, host, port, path case, trailing slash, query value or order of a repeated key differs", () => {
    const others: Partial<FingerprintInput>[] = [
      { method: "PUT" },
      { origin: "https://ledger2.internal.example" },
      { origin: "https://ledger.internal.example:8443" },
      { origin: "http://ledger.internal.example" },
      { path: "/v1/Refunds" },
      { path: "/v1/refunds/" },
      { search: "" },
      { search: "?tag=a" },
      { search: "?tag=b&tag=a" },
      { search: "?tag=a&tag=b&" },
      { search: "?&tag=a&tag=b" },
      { search: "?tag=a&&tag=b" },
      { tenant: "umbrella" },
      { agent: "other-bot" },
      { onBehalfOf: "https://idp.example#u2" },
      { service: "crm" },
      { body: json('{"amount":101,"invoice":"in_1"}') },
    ];
    const all = [of(), ...others.map(of)];
    expect(new Set(all).size).toBe(all.length);
  });

  test("differs for an absent tenant or person and an empty or named one", () => {
    const { tenant: _, ...withoutTenant } = base;
    const { onBehalfOf: __, ...withoutPerson } = base;
    const all = [
      fingerprintOf(withoutTenant),
      of({ tenant: "" }),
      of({ tenant: "null" }),
      fingerprintOf(withoutPerson),
    ];
    expect(new Set(all).size).toBe(4);
  });

  test("5: ignores what changes between attempts, and does not ignore preconditions and account selectors", () => {
    const noise: [string, string][] = [
      ["Idempotency-Key", "k1"],
      ["x-stainless-retry-count", "2"],
      ["traceparent", "00-1-2-01"],
      ["User-Agent", "x"],
      ["Accept-Encoding", "br"],
      ["Authorization", "Bearer x"],
      ["Cookie", "a=1"],
      ["Content-Length", "3"],
    ];
    expect(of({ headers: noise })).toBe(of());
    expect(of({ headers: [["If-Match", '"v1"']] })).not.toBe(of());
    expect(of({ headers: [["if-match", '"v1"']] })).not.toBe(of({ headers: [["if-match", '"v2"']] }));
    expect(of({ headers: [["If-Match", '"v1"'], ...noise] })).toBe(of({ headers: [["if-match", '"v1"']] }));
    expect(of({ headers: [["Stripe-Account", "acct_2"]] })).not.toBe(of());
    for (const [name, value] of [
      ["Destination", "https://dav.example/public/"],
      ["Overwrite", "F"],
      ["Depth", "infinity"],
      ["If", "(<urn:uuid:1>)"],
      ["Lock-Token", "<urn:uuid:1>"],
      ["Content-Disposition", 'attachment; filename="x"'],
      ["Slug", "x"],
      ["x-amz-acl", "public-read"],
      ["x-ms-copy-source", "https://x.example/secret"],
    ] as const) {
      expect([name, of({ headers: [[name, value]] })]).not.toEqual([name, of()]);
    }
    expect(of({ headers: [["x-tenant", "b"]], semanticHeaders: ["x-tenant"] })).not.toBe(of());
  });

  test("has different pre-images for different inputs, whatever the strings hold", () => {
    const string = fc.string({
      unit: fc.constantFrom('"', ",", "[", "]", "\\", "a", "\u0000", "\ud800", "é"),
      maxLength: 4,
    });
    const pairs = fc.array(fc.tuple(string, string), { maxLength: 2 });
    const fields = fc.tuple(
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      string,
      fc.constantFrom("none", "json", "bytes"),
      string,
      pairs,
    );
    const input = (parts: typeof fields extends fc.Arbitrary<infer T> ? T : never): FingerprintInput => ({
      tenant: parts[0],
      agent: parts[1],
      onBehalfOf: parts[2],
      service: parts[3],
      method: "POST",
      origin: parts[4],
      path: parts[5],
      search: parts[6],
      body: { mediaType: parts[7], kind: parts[8] as "none", digest: parts[9] },
      headers: parts[10].map(([, value]) => ["if-match", value]),
    });
    fc.assert(
      fc.property(fields, fields, (left, right) => {
        const [a, b] = [input(left), input(right)];
        const same = JSON.stringify(a) === JSON.stringify(b);
        expect(fingerprintPreimage(a) === fingerprintPreimage(b)).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });
});

describe("a JSON body", () => {
  test("has one description for all orders of its keys and all blanks between them", () => {
    expect(json('{ "b" : [1, {"d":2,"c":3}], "a":null }')).toEqual(json('{"a":null,"b":[1,{"c":3,"d":2}]}'));
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ maxLength: 3 }).map((key) => key.toLowerCase()),
          fc.jsonValue({ maxDepth: 1 }),
          { maxKeys: 5 },
        ),
        (object) => {
          const reversed = Object.fromEntries(Object.entries(object).reverse());
          expect(json(JSON.stringify(reversed, null, 1)).digest === json(JSON.stringify(object)).digest).toBe(
            json(JSON.stringify(object)).kind === "json" ||
              JSON.stringify(reversed, null, 1) === JSON.stringify(object),
          );
        },
      ),
    );
  });

  test("3: keeps apart what some server keeps apart", () => {
    const texts = [
      '{"a":1}',
      '{"a":1.0}',
      '{"a":1e0}',
      '{"a":"1"}',
      '{"a":[1]}',
      '{"a":1,"a":1}',
      '{"a":1,"A":1}',
      '{"a":9007199254740993}',
      '{"a":9007199254740992}',
      '{"a":-0}',
      '{"a":0}',
      '{"a":"\u00e9"}',
      '{"a":"e\u0301"}',
    ];
    expect(new Set(texts.map((text) => json(text).digest)).size).toBe(texts.length);
  });

  test("is bytes when it does not read strictly, has another charset or a content coding", () => {
    expect(json('{"a":1').kind).toBe("bytes");
    expect(json('{"a":1.0}').kind).toBe("bytes");
    expect(describeBody(bytes("{}"), "application/json; charset=utf-16").kind).toBe("bytes");
    expect(describeBody(bytes("{}"), "application/json", "gzip").kind).toBe("bytes");
    expect(describeBody(bytes("{}"), "application/json, text/plain").kind).toBe("bytes");
  });

  test("is the same with its charset said or unsaid, and not under another media type", () => {
    expect(describeBody(bytes("{}"), "application/json; charset=UTF-8")).toEqual(json("{}"));
    expect(describeBody(bytes("{}"), "APPLICATION/JSON")).toEqual(json("{}"));
    expect(describeBody(bytes("{}"), "application/vnd.api+json").mediaType).not.toBe(json("{}").mediaType);
    expect(describeBody(bytes("{}"), 'application/json; profile="a;b=c"').mediaType).not.toBe(
      describeBody(bytes("{}"), "application/json; profile=a; b=c").mediaType,
    );
  });
});

describe("a form body", () => {
  const form = (text: string) => describeBody(bytes(text), "application/x-www-form-urlencoded");

  test("is the text as it is sent, with its charset said or unsaid", () => {
    const texts = [
      "a=~+x",
      "a=~%20x",
      "a=%7e%20x",
      "a=%7E%20x",
      "a",
      "a=",
      "a=&",
      "&a=",
      "a=1&b=2",
      "b=2&a=1",
      "a=1;b=2",
      "a=%zz",
    ];
    expect(new Set(texts.map((text) => form(text).digest)).size).toBe(texts.length);
    expect(describeBody(bytes("a=1"), "application/x-www-form-urlencoded;charset=UTF-8")).toEqual(form("a=1"));
  });

  test("is bytes where it is not UTF-8", () => {
    expect(describeBody(Uint8Array.of(0x61, 0xff), "application/x-www-form-urlencoded").kind).toBe("bytes");
  });
});

describe("a multipart body", () => {
  const boundaryOf = (text: string): string => text.slice(2, text.indexOf("\r\n"));
  const multipart = (text: string) => describeBody(bytes(text), `multipart/form-data; boundary=${boundaryOf(text)}`);
  const body = (boundary: string, { name = "file", filename = "a.txt", content = "hello", type = "text/plain" } = {}) =>
    `--${boundary}\r\nContent-Disposition: form-data; name="note"\r\n\r\nhi\r\n--${boundary}\r\nContent-Disposition: form-data; name="${name}"; filename="${filename}"\r\nContent-Type: ${type}\r\n\r\n${content}\r\n--${boundary}--\r\n`;

  test("4: does not depend on the boundary", () => {
    expect(multipart(body("X")).kind).toBe("multipart");
    expect(multipart(body("X"))).toEqual(multipart(body("----formdata-undici-012345")));
  });

  test("4: depends on every byte, name, file name and type of a part, and on their order", () => {
    const all = [
      {},
      { content: "hellO" },
      { content: "" },
      { name: "files" },
      { filename: "b.txt" },
      { type: "text/html" },
    ];
    expect(new Set(all.map((change) => multipart(body("X", change)).digest)).size).toBe(all.length);
  });

  test("of the platform's own FormData is recognised from one encoding to the next", async () => {
    const encode = async () => {
      const data = new FormData();
      data.append("note", "hällo");
      data.append("file", new File([Uint8Array.from([0, 255, 13, 10])], "ä.bin", { type: "application/octet-stream" }));
      const response = new Response(data);
      const type = response.headers.get("content-type");
      return { type, described: describeBody(new Uint8Array(await response.arrayBuffer()), type) };
    };
    const [first, second] = [await encode(), await encode()];
    expect(first.type).not.toBe(second.type);
    expect(first.described.kind).toBe("multipart");
    expect(first.described).toEqual(second.described);
  });

  test("is bytes on any doubt", () => {
    const good = body("X");
    const doubtful = [
      `preamble\r\n${good}`,
      `${good}epilogue`,
      good.replaceAll("\r\n", "\n"),
      body("X", { content: "a\n--X\r\nb" }),
      body("X", { content: "a\r\n--Xtra\r\nb" }),
      body("X", { filename: 'a\\".txt' }),
      good.replace("Content-Type: text/plain", "Content-Transfer-Encoding: base64"),
      good.replace("Content-Type: text/plain", "Content-Type: text/plain\r\nContent-Type: text/html"),
      good.replace('filename="a.txt"', `filename="a.txt"; filename*=UTF-8''b.txt`),
      good.replace('name="note"', "name=note"),
      good.replace("form-data; ", ""),
      good.slice(0, -6),
      "--X--\r\n",
      "--X\r\n--X--",
    ];
    for (const text of doubtful)
      expect(describeBody(bytes(text), "multipart/form-data; boundary=X").kind).toBe("bytes");
    expect(describeBody(bytes(good), "multipart/form-data").kind).toBe("bytes");
    expect(describeBody(bytes(good), "multipart/mixed; boundary=X").kind).toBe("bytes");
  });

  test("of any bytes is read without throwing", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("--X", "--X--", "\r\n", "\n", 'Content-Disposition: form-data; name="a"', "z"), {
          maxLength: 12,
        }),
        (pieces) => {
          describeBody(bytes(`--X\r\n${pieces.join("")}`), "multipart/form-data; boundary=X");
        },
      ),
      { numRuns: 2000 },
    );
  });
});

test("an absent and an empty body are the same nothing", () => {
  expect(describeBody(null, null)).toEqual({ kind: "none", mediaType: "", digest: createHash("sha256").digest("hex") });
  expect(describeBody(new Uint8Array(), "application/json").kind).toBe("none");
});

test("bytes of no known type are their digest", () => {
  expect(describeBody(Uint8Array.from([1, 2]), "application/octet-stream").digest).toBe(
    createHash("sha256")
      .update(Uint8Array.from([1, 2]))
      .digest("hex"),
  );
});
