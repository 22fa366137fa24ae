import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { FormData as ForeignFormData, Headers as ForeignHeaders, Request as ForeignRequest } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { collectStream } from "../../src/request/body/collect.js";
import { type CallSnapshot, snapshotCall } from "../../src/request/snapshot/snapshot.js";

const URL_TEXT = "https://h.example/x?y=1";

/** The bytes a snapshot would send. */
async function bytesOf({ body }: CallSnapshot): Promise<Buffer | null> {
  const settled = await body;
  if (settled === null) return null;
  return Buffer.from(settled instanceof ReadableStream ? ((await collectStream(settled, 1e8)) ?? []) : settled);
}
const textOf = async (call: CallSnapshot): Promise<string | null> => (await bytesOf(call))?.toString() ?? null;
const headerOf = (call: CallSnapshot, name: string): string | undefined =>
  call.headers.find(([key]) => key.toLowerCase() === name)?.[1];

/** Runs with a key on Object.prototype, as a prototype-pollution hole leaves it. */
async function polluted(key: string, value: unknown, run: () => unknown): Promise<void> {
  const prototype = Object.prototype as Record<string, unknown>;
  prototype[key] = value;
  try {
    await run();
  } finally {
    delete prototype[key];
  }
}

describe("the URL of a call", () => {
  it.each<[string, unknown]>([
    ["text", URL_TEXT],
    ["a URL", new URL(URL_TEXT)],
    ["a Request", new Request(URL_TEXT)],
    ["a Request of npm's undici", new ForeignRequest(URL_TEXT)],
    ["an object with toString", { toString: () => URL_TEXT }],
  ])("is read from %s", (_name, input) => {
    expect(snapshotCall(input, undefined)).toMatchObject({
      url: URL_TEXT,
      method: "GET",
      body: null,
      redirect: "follow",
    });
  });

  it("is what a URL really holds, whatever a subclass or an own property says", () => {
    class Liar extends URL {
      override get href(): string {
        return "https://evil.example/";
      }
      override toString(): string {
        return "https://evil.example/";
      }
    }
    expect(snapshotCall(new Liar(URL_TEXT), undefined).url).toBe(URL_TEXT);
    const own = Object.defineProperty(new URL(URL_TEXT), "href", { value: "https://evil.example/" });
    expect(snapshotCall(own, undefined).url).toBe(URL_TEXT);
  });

  it("does not change with the URL afterwards", () => {
    const url = new URL(URL_TEXT);
    const call = snapshotCall(url, undefined);
    url.pathname = "/admin";
    expect(call.url).toBe(URL_TEXT);
  });

  it("is read from an object's toString once", () => {
    let reads = 0;
    const input = { toString: () => `https://h.example/${reads++}` };
    expect(snapshotCall(input, undefined).url).toBe("https://h.example/0");
    expect(reads).toBe(1);
  });

  it("cannot be read from what only looks like a URL or a Request", () => {
    expect(() => snapshotCall(new Proxy(new URL(URL_TEXT), {}), undefined)).toThrow(TypeError);
    expect(() => snapshotCall(Object.create(URL.prototype), undefined)).toThrow(TypeError);
    expect(() => snapshotCall(Object.create(Request.prototype), undefined)).toThrow(TypeError);
  });
});

describe("a Request", () => {
  class Liar extends Request {
    override get url(): string {
      return "https://evil.example/";
    }
    override get method(): string {
      return "DELETE";
    }
    override get headers(): Headers {
      return new Headers({ "x-evil": "1" });
    }
    override get body(): ReadableStream<Uint8Array<ArrayBuffer>> {
      return new Response("evil").body as ReadableStream<Uint8Array<ArrayBuffer>>;
    }
    get [Symbol.toStringTag](): string {
      return "Object";
    }
    override toString(): string {
      return "https://evil.example/";
    }
  }

  it("is read through the platform's own accessors, whatever a subclass overrides", async () => {
    const call = snapshotCall(
      new Liar(URL_TEXT, { method: "POST", body: "real", headers: { "x-real": "1" } }),
      undefined,
    );
    expect(call).toMatchObject({ url: URL_TEXT, method: "POST" });
    expect(headerOf(call, "x-real")).toBe("1");
    expect(headerOf(call, "x-evil")).toBeUndefined();
    expect(await textOf(call)).toBe("real");
  });

  it("keeps what the options do not say", async () => {
    const base = (): Request =>
      new Request(URL_TEXT, { method: "POST", body: "b", headers: { "x-a": "1" }, redirect: "manual" });
    const call = snapshotCall(base(), { method: "PUT" });
    expect(call).toMatchObject({ method: "PUT", redirect: "manual" });
    expect(headerOf(call, "x-a")).toBe("1");
    expect(headerOf(call, "content-type")).toBe("text/plain;charset=UTF-8");
    expect(await textOf(call)).toBe("b");
    // As in the fetch standard, a body of null in the options leaves the Request's.
    expect(await textOf(snapshotCall(base(), { body: null }))).toBe("b");
    expect(await textOf(snapshotCall(base(), { body: "c" }))).toBe("c");
    expect(headerOf(snapshotCall(base(), { headers: {} }), "x-a")).toBeUndefined();
  });

  it("of npm's undici is read with its body", async () => {
    const call = snapshotCall(new ForeignRequest(URL_TEXT, { method: "POST", body: "b", headers: { "x-a": "1" } }), {});
    expect(call).toMatchObject({ method: "POST" });
    expect(headerOf(call, "x-a")).toBe("1");
    expect(await textOf(call)).toBe("b");
  });

  it("may be given as options", async () => {
    const options = new Request("https://other.example/", { method: "POST", body: new URLSearchParams({ a: "1" }) });
    const call = snapshotCall(URL_TEXT, options);
    expect(call).toMatchObject({ url: URL_TEXT, method: "POST" });
    expect(headerOf(call, "content-type")).toBe("application/x-www-form-urlencoded;charset=UTF-8");
    expect(await textOf(call)).toBe("a=1");
  });

  it("whose body was used, or is being read, is refused as fetch refuses it", async () => {
    const used = new Request(URL_TEXT, { method: "POST", body: "b" });
    await used.text();
    expect(() => snapshotCall(used, undefined)).toThrow(TypeError);
    const locked = new Request(URL_TEXT, { method: "POST", body: "b" });
    locked.body?.getReader();
    expect(() => snapshotCall(locked, undefined)).toThrow(TypeError);
  });
});

describe("the options of a call", () => {
  it.each<[string, unknown]>([
    ["method", "DELETE"],
    ["headers", { "x-evil": "1" }],
    ["body", "evil"],
    ["redirect", "error"],
    ["signal", AbortSignal.abort()],
    ["url", "https://evil.example/"],
  ])("are not taken from a polluted prototype: %s", async (key, value) => {
    const clean = snapshotCall(URL_TEXT, { headers: { "x-a": "1" } });
    const request = new Request(URL_TEXT); // while the platform itself is not yet fooled
    await polluted(key, value, () => {
      for (const init of [undefined, null, {}])
        expect({ ...snapshotCall(URL_TEXT, init) }).toEqual({ ...clean, headers: [] });
      expect({ ...snapshotCall(URL_TEXT, { headers: { "x-a": "1" } }) }).toEqual({ ...clean });
      expect(snapshotCall(request, {})).toMatchObject({
        method: "GET",
        url: URL_TEXT,
        headers: [],
        body: null,
      });
    });
  });

  it("are read once each, through getters and proxies alike", async () => {
    const reads: string[] = [];
    const init = new Proxy(
      { method: "POST", body: "b", headers: { a: "1" }, redirect: "manual", signal: null },
      {
        get(target, key) {
          reads.push(String(key));
          return Reflect.get(target, key);
        },
      },
    );
    snapshotCall(URL_TEXT, init);
    expect(reads.filter((key) => ["method", "body", "headers", "redirect", "signal"].includes(key)).sort()).toEqual([
      "body",
      "headers",
      "method",
      "redirect",
      "signal",
    ]);
  });

  it("do not change afterwards", async () => {
    const init = { method: "POST", headers: { "x-a": "1" } as Record<string, string>, body: "b" };
    const call = snapshotCall(URL_TEXT, init);
    init.method = "DELETE";
    init.headers["x-a"] = "2";
    init.body = "evil";
    expect(call.method).toBe("POST");
    expect(headerOf(call, "x-a")).toBe("1");
    expect(await textOf(call)).toBe("b");
  });

  it("turn a method into text once", () => {
    let reads = 0;
    const method = { toString: () => (reads++ === 0 ? "GET" : "DELETE") };
    expect(snapshotCall(URL_TEXT, { method }).method).toBe("GET");
  });

  it.each([
    ["options that are text", "GET"],
    ["an unknown redirect mode", { redirect: "sometimes" }],
    ["a signal that is none", { signal: {} }],
    ["headers that are text", { headers: "a: b" }],
    ["a header pair of one", { headers: [["a"]] }],
    ["a header pair of three", { headers: [["a", "b", "c"]] }],
    ["a body on a GET", { body: "b" }],
    ["a body on a head", { method: "head", body: "b" }],
    ["headers of null", { headers: null }],
  ])("are refused as fetch refuses them: %s", (_name, init) => {
    expect(() => snapshotCall(URL_TEXT, init)).toThrow(TypeError);
  });
});

describe("the headers of a call", () => {
  const PAIRS = [
    ["x-b", "2"],
    ["x-a", "1"],
    ["x-b", "3"],
  ] as [string, string][];

  it.each<[string, unknown, unknown]>([
    [
      "pairs, which keep their order, repeated ones joined where the first of them stands",
      PAIRS,
      [
        ["x-b", "2, 3"],
        ["x-a", "1"],
      ],
    ],
    [
      "pairs with blanks around them and nothing in them, as fetch joins them",
      [
        ["x-a", ""],
        ["X-A", " \t"],
        ["x-a", "\u00a0"],
      ],
      [["x-a", ", , \u00a0"]],
    ],
    [
      "a record",
      { "X-B": "2", "X-A": 1 },
      [
        ["X-B", "2"],
        ["X-A", "1"],
      ],
    ],
    [
      "Headers",
      new Headers(PAIRS),
      [
        ["x-a", "1"],
        ["x-b", "2, 3"],
      ],
    ],
    [
      "Headers of npm's undici",
      new ForeignHeaders(PAIRS),
      [
        ["x-a", "1"],
        ["x-b", "2, 3"],
      ],
    ],
    ["a Map", new Map([["x-a", "1"]]), [["x-a", "1"]]],
  ])("are read from %s", (_name, headers, expected) => {
    expect(snapshotCall(URL_TEXT, { headers }).headers).toEqual(expected);
  });

  it("are what Headers really hold, whatever a subclass iterates over", () => {
    class Liar extends Headers {
      override *[Symbol.iterator](): HeadersIterator<[string, string]> {
        yield ["x-evil", "1"];
      }
      override entries(): HeadersIterator<[string, string]> {
        return this[Symbol.iterator]();
      }
    }
    expect(snapshotCall(URL_TEXT, { headers: new Liar({ "x-real": "1" }) }).headers).toEqual([["x-real", "1"]]);
  });

  it("are read through a getter once", () => {
    let reads = 0;
    const headers = Object.defineProperty({}, "x-a", { enumerable: true, get: () => String(reads++) });
    expect(snapshotCall(URL_TEXT, { headers }).headers).toEqual([["x-a", "0"]]);
    expect(reads).toBe(1);
  });

  it("do not include what an object inherits", async () => {
    await polluted("x-evil", "1", () => {
      expect(snapshotCall(URL_TEXT, { headers: { "x-a": "1" } }).headers).toEqual([["x-a", "1"]]);
    });
  });

  it("keep the caller's content type, and get the body's where there is none", () => {
    const own = snapshotCall(URL_TEXT, { method: "POST", body: "{}", headers: { "Content-Type": "application/json" } });
    expect(own.headers).toEqual([["Content-Type", "application/json"]]);
    expect(headerOf(snapshotCall(URL_TEXT, { method: "POST", body: "x" }), "content-type")).toBe(
      "text/plain;charset=UTF-8",
    );
  });
});

describe("the body of a call", () => {
  const post = (body: unknown): CallSnapshot => snapshotCall(URL_TEXT, { method: "POST", body });

  it("is a copy, which the caller's buffer does not change", async () => {
    const bytes = new Uint8Array([1, 2, 3]);
    const shared = new Uint8Array(new SharedArrayBuffer(3));
    shared.set(bytes);
    const calls = [bytes, bytes.buffer, new DataView(bytes.buffer), Buffer.from(bytes.buffer), shared].map(post);
    bytes.fill(9);
    shared.fill(9);
    for (const call of calls) expect(await bytesOf(call)).toEqual(Buffer.from([1, 2, 3]));
  });

  it("is the part of the buffer that the view shows", async () => {
    const { buffer } = Uint8Array.of(0, 1, 2, 3, 4, 5);
    expect(await bytesOf(post(new Uint8Array(buffer, 1, 2)))).toEqual(Buffer.from([1, 2]));
    expect(await bytesOf(post(new DataView(buffer, 2, 3)))).toEqual(Buffer.from([2, 3, 4]));
    expect(await bytesOf(post(new Uint16Array(buffer, 2, 1)))).toEqual(Buffer.from([2, 3]));
  });

  it("is what a view really holds, whatever its own properties say", async () => {
    const liar = Object.defineProperties(Uint8Array.of(1, 2), {
      [Symbol.iterator]: { value: () => [9, 9][Symbol.iterator]() },
      buffer: { value: Uint8Array.of(8, 8).buffer },
      byteOffset: { value: 0 },
      byteLength: { value: 1 },
      length: { value: 1 },
      slice: { value: () => Uint8Array.of(7) },
    });
    expect(await bytesOf(post(liar))).toEqual(Buffer.from([1, 2]));
  });

  it("is never a promise of the caller's, whose bytes could change after they were judged", async () => {
    const bytes = Uint8Array.of(1);
    expect(await textOf(post(Promise.resolve(bytes)))).toBe("[object Promise]");
  });

  it("of a form does not change afterwards", async () => {
    const form = new FormData();
    form.set("a", "1");
    const parameters = new URLSearchParams({ a: "1" });
    const calls = [post(form), post(parameters)];
    form.set("a", "2");
    parameters.set("a", "2");
    expect(await textOf(calls[0] as CallSnapshot)).toMatch(/name="a"\r\n\r\n1\r\n/);
    expect(await textOf(calls[1] as CallSnapshot)).toBe("a=1");
  });

  it("is what URLSearchParams really hold, whatever a subclass says", async () => {
    class Liar extends URLSearchParams {
      override toString(): string {
        return "evil=1";
      }
    }
    expect(await textOf(post(new Liar({ a: "1" })))).toBe("a=1");
  });

  it("is turned into text once where it is any other object", async () => {
    let reads = 0;
    const call = post({ toString: () => String(reads++) });
    expect(await textOf(call)).toBe("0");
    expect(reads).toBe(1);
  });

  it("of a Blob larger than what is buffered stays a stream", () => {
    const call = post(new Blob([new Uint8Array(33 * 1024 * 1024)]));
    expect(call.body).toBeInstanceOf(ReadableStream);
  });

  it("that is a stream in use is refused", () => {
    const stream = new Response("x").body as ReadableStream;
    stream.getReader();
    expect(() => post(stream)).toThrow(TypeError);
  });
});

describe("a call is sent as fetch sends it:", () => {
  interface Seen {
    readonly method: string;
    readonly url: string;
    readonly headers: IncomingHttpHeaders;
    readonly body: Buffer;
  }
  let seen: Seen | null = null;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url = "", headers } = request;
    seen = { method, url, headers, body: Buffer.concat(chunks) };
    response.end();
  });
  let origin = "";
  beforeAll(async () => {
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => {
    server.closeAllConnections();
    server.close();
  });

  /** A multipart boundary is random. */
  const withoutBoundary = (text: string): string =>
    text.replaceAll(/(-*)(formdata-undici|----formdata)-[0-9]+/g, "BOUNDARY");

  function manyParts(): FormData {
    const form = new FormData();
    form.append("text", "a\nb\r\nc é 😀 \ud800");
    form.append('na"me\r\n', "v");
    form.append("file", new File(["content"], 'fi"le.txt', { type: "text/plain" }));
    form.append("blob", new Blob([Uint8Array.of(0, 255)]));
    return form;
  }

  it.each<[string, () => [unknown, unknown]]>([
    ["no body", () => ["/x?a=b c", {}]],
    ["a method in lower case", () => ["/x", { method: "post" }]],
    ["text", () => ["/x", { method: "POST", body: "é😀" }]],
    ["empty text", () => ["/x", { method: "POST", body: "" }]],
    ["text with half a surrogate pair", () => ["/x", { method: "POST", body: "a\ud800b" }]],
    ["bytes", () => ["/x", { method: "POST", body: Uint8Array.of(0, 255) }]],
    ["a Buffer from the pool", () => ["/x", { method: "POST", body: Buffer.from("pooled") }]],
    ["an ArrayBuffer", () => ["/x", { method: "POST", body: Uint8Array.of(1, 2).buffer }]],
    ["a DataView", () => ["/x", { method: "PUT", body: new DataView(Uint8Array.of(1, 2, 3).buffer, 1) }]],
    ["other numbers", () => ["/x", { method: "POST", body: new Float64Array([1.5]) }]],
    [
      "URLSearchParams",
      () => [
        "/x",
        {
          method: "POST",
          body: new URLSearchParams([
            ["a", "é b"],
            ["c", "&"],
          ]),
        },
      ],
    ],
    ["a Blob", () => ["/x", { method: "POST", body: new Blob(["x"]) }]],
    ["a Blob with a type", () => ["/x", { method: "POST", body: new Blob(["x"], { type: "Image/PNG; a=B" }) }]],
    ["a File", () => ["/x", { method: "POST", body: new File(["x"], "f.txt", { type: "text/csv" }) }]],
    ["an empty FormData", () => ["/x", { method: "POST", body: new FormData() }]],
    ["a FormData with all kinds of parts", () => ["/x", { method: "POST", body: manyParts() }]],
    ["a number", () => ["/x", { method: "POST", body: 5 }]],
    ["an object", () => ["/x", { method: "POST", body: {} }]],
    ["a stream", () => ["/x", { method: "POST", body: new Response("streamed").body, duplex: "half" }]],
    [
      "an async iterable",
      () => ["/x", { method: "POST", body: Readable.from([Buffer.from("ab"), Buffer.from("c")]), duplex: "half" }],
    ],
    [
      "a content type of the caller's",
      () => ["/x", { method: "POST", body: "{}", headers: { "content-type": "application/json" } }],
    ],
    ["a Request with a body", () => [new Request(`${origin}/x`, { method: "POST", body: "b" }), undefined]],
    [
      "a Request with other options",
      () => [new Request(`${origin}/x`, { method: "POST", body: "b", headers: { a: "1" } }), { headers: { b: "2" } }],
    ],
    ["a Request and a body of null", () => [new Request(`${origin}/x`, { method: "POST", body: "b" }), { body: null }]],
    [
      "headers in all forms of spelling",
      () => [
        "/x",
        {
          headers: [
            ["X-A", " 1 "],
            ["x-a", "2"],
            ["X-Empty", ""],
          ],
        },
      ],
    ],
  ])("%s", async (_name, make) => {
    const absolute = ([input, init]: [unknown, unknown]): [unknown, unknown] => [
      typeof input === "string" ? `${origin}${input}` : input,
      init,
    ];
    await fetch(...(absolute(make()) as Parameters<typeof fetch>));
    const sent = seen as Seen | null;
    const call = snapshotCall(...absolute(make()));
    const bytes = (await bytesOf(call)) ?? Buffer.alloc(0);
    expect(withoutBoundary(bytes.toString("latin1"))).toBe(withoutBoundary(sent?.body.toString("latin1") ?? ""));
    expect(withoutBoundary(headerOf(call, "content-type") ?? "")).toBe(
      withoutBoundary(sent?.headers["content-type"] ?? ""),
    );
    expect(call.method.toUpperCase()).toBe(sent?.method);
    const own = new Headers(call.headers as [string, string][]);
    for (const [name, value] of own) if (name !== "content-type") expect(sent?.headers[name]).toBe(value);
  });

  it("FormData of npm's undici, with text and files", async () => {
    const form = new ForeignFormData();
    form.append("text", "é");
    form.append("file", new File(["content"], "f.txt", { type: "text/plain" }));
    const native = new FormData();
    native.append("text", "é");
    native.append("file", new File(["content"], "f.txt", { type: "text/plain" }));
    await fetch(`${origin}/x`, { method: "POST", body: native });
    const call = snapshotCall(`${origin}/x`, { method: "POST", body: form });
    expect(withoutBoundary((await textOf(call)) ?? "")).toBe(withoutBoundary(seen?.body.toString() ?? ""));
    expect(headerOf(call, "content-type")).toMatch(/^multipart\/form-data; boundary=/);
  });
});
