import { FormData as NpmFormData, Headers as NpmHeaders, Request as NpmRequest } from "undici";
import { type Fetch, type Operation, whole } from "./observe.js";

type Init = RequestInit & { readonly duplex?: "half"; readonly [key: string]: unknown };

/** One call with these options, made anew for each fetch. */
const call = (name: string, init: (a: string) => unknown, path = "/x"): Operation => ({
  name,
  run: async (fetch, { a }) => whole(await fetch(a + path, init(a) as Init)),
});

/** A call whose first argument is made anew for each fetch. */
const input = (name: string, make: (a: string) => unknown, init?: () => unknown): Operation => ({
  name,
  run: async (fetch, { a }) => {
    const first = make(a) as string;
    return whole(init === undefined ? await fetch(first) : await fetch(first, init() as Init));
  },
});

const post = (name: string, body: () => unknown, more: Init = {}): Operation =>
  call(`body: ${name}`, () => ({ method: "POST", body: body(), ...more }));

const streamOf = (...chunks: unknown[]): ReadableStream =>
  new ReadableStream({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(chunk);
      controller.close();
    },
  });

const bytes = (...values: number[]): Uint8Array<ArrayBuffer> => Uint8Array.from(values);
const utf8 = (text: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(text);

async function* chunksOf(...chunks: unknown[]): AsyncGenerator<unknown> {
  yield* chunks;
}

const form = (Form: typeof FormData | typeof NpmFormData): FormData => {
  const made = new Form() as FormData;
  made.append("a", "1");
  made.append("a", "zwei ü \r\n x");
  made.append('quo"te', "v");
  made.append("f", new Blob(["hello"], { type: "text/x-thing" }), "naïve name.txt");
  made.append("g", new File([bytes(0, 1, 255)], "g.bin"));
  return made;
};

/** How fetch can be called. */
export const INPUTS: readonly Operation[] = [
  input("input: a string", (a) => `${a}/x?y=1`),
  input("input: a URL", (a) => new URL(`${a}/x?y=1`)),
  input("input: an object with toString", (a) => ({ toString: () => `${a}/x` })),
  input("input: a Request", (a) => new Request(`${a}/x`, { headers: { "x-a": "1" } })),
  input("input: a Request with a body", (a) => new Request(`${a}/x`, { method: "POST", body: "hi" })),
  input(
    "input: a Request with JSON",
    (a) => new Request(`${a}/x`, { method: "PUT", body: '{"a":1}', headers: { "content-type": "application/json" } }),
  ),
  input("input: a Request with a form", (a) => new Request(`${a}/x`, { method: "POST", body: form(FormData) })),
  input(
    "input: a Request with a stream",
    (a) => new Request(`${a}/x`, { method: "POST", body: streamOf(utf8("s")), duplex: "half" } as Init),
  ),
  input(
    "input: a Request and options",
    (a) => new Request(`${a}/x`, { method: "POST", body: "one", headers: { "x-a": "1" } }),
    () => ({ headers: { "x-b": "2" } }),
  ),
  input(
    "input: a Request and another body",
    (a) => new Request(`${a}/x`, { method: "POST", body: "one" }),
    () => ({ body: "two" }),
  ),
  input(
    "input: a Request and another method",
    (a) => new Request(`${a}/x`, { method: "POST", body: "one" }),
    () => ({ method: "PATCH" }),
  ),
  input(
    "input: a Request with a body and GET",
    (a) => new Request(`${a}/x`, { method: "POST", body: "one" }),
    () => ({ method: "GET" }),
  ),
  input(
    "input: a Request and empty options",
    (a) => new Request(`${a}/x`, { method: "DELETE", headers: { "x-a": "1" } }),
    () => ({}),
  ),
  input(
    "input: a Request and null body",
    (a) => new Request(`${a}/x`, { method: "POST", body: "kept" }),
    () => ({ body: null }),
  ),
  input(
    "input: a Request and undefined members",
    (a) => new Request(`${a}/x`, { method: "POST", body: "kept", headers: { "x-a": "1" } }),
    () => ({ method: undefined, headers: undefined, body: undefined, signal: undefined, redirect: undefined }),
  ),
  input(
    "input: a Request as options",
    (a) => `${a}/x`,
    () => new Request("http://ignored.example/", { method: "DELETE", headers: { "x-a": "1" } }),
  ),
  {
    name: "input: a Request is used up by the call",
    run: async (fetch, { a }) => {
      const request = new Request(`${a}/x`, { method: "POST", body: "once" });
      await (await fetch(request)).text();
      return request.bodyUsed;
    },
  },
  {
    name: "input: a used Request",
    run: async (fetch, { a }) => {
      const request = new Request(`${a}/x`, { method: "POST", body: "once" });
      await request.text();
      return whole(await fetch(request));
    },
  },
  {
    name: "input: a clone of a Request",
    run: async (fetch, { a }) => {
      const request = new Request(`${a}/x`, { method: "POST", body: "twice" });
      const copy = request.clone();
      return [await whole(await fetch(request)), await whole(await fetch(copy))];
    },
  },
  {
    name: "input: a subclass of Request",
    run: async (fetch, { a }) => {
      class Mine extends Request {}
      return whole(await fetch(new Mine(`${a}/x`, { headers: { "x-a": "1" } })));
    },
  },
  {
    name: "input: any this, and a third argument",
    run: async (fetch, { a }) => {
      const call = fetch as unknown as (this: unknown, ...all: unknown[]) => Promise<Response>;
      return [
        await whole(await call.call({ some: "object" }, `${a}/x`, {}, { third: true })),
        await whole(await call.call(undefined, `${a}/x`)),
      ];
    },
  },
  input(
    "input: options undefined",
    (a) => `${a}/x`,
    () => undefined,
  ),
  input(
    "input: options null",
    (a) => `${a}/x`,
    () => null,
  ),
  input(
    "input: options a function",
    (a) => `${a}/x`,
    () => () => undefined,
  ),
  input(
    "input: options a string",
    (a) => `${a}/x`,
    () => "POST",
  ),
  input(
    "input: options a number",
    (a) => `${a}/x`,
    () => 7,
  ),
  {
    name: "input: options an instance with accessors",
    run: async (fetch, { a }) => {
      class Options {
        get method(): string {
          return "PUT";
        }
        get body(): string {
          return "from a getter";
        }
      }
      return whole(await fetch(`${a}/x`, new Options()));
    },
  },
  input(
    "input: options that inherit",
    (a) => `${a}/x`,
    () => Object.create({ method: "DELETE" }),
  ),
  input(
    "input: unknown options",
    (a) => `${a}/x`,
    () => ({
      responseType: "json",
      errorPolicy: "all",
      timeout: 5,
      agent: {},
      fetch: () => undefined,
      next: { revalidate: 3 },
    }),
  ),
  input("input: not a URL", () => "not a url"),
  input("input: a relative URL", () => "/x"),
  input("input: an empty string", () => ""),
  input("input: undefined", () => undefined),
  input("input: null", () => null),
  input("input: a number", () => 7),
  input("input: a symbol", () => Symbol("x")),
  input("input: a port that does not exist", () => "http://127.0.0.1:99999/"),
  input("input: a URL with a user name", (a) => a.replace("//", "//ada@")),
  input("input: a URL with a password", (a) => a.replace("//", "//ada:pw@")),
  input("input: a fragment", (a) => `${a}/x#part`),
  input("input: a fragment with a question mark", (a) => `${a}/x#part?no=query`),
  input("input: an empty query", (a) => `${a}/x?`),
  input("input: no path", (a) => a),
  input("input: no path but a query", (a) => `${a}?q=1`),
  input("input: a scheme in capitals", (a) => `${a.replace("http", "HTTP")}/x`),
  input("input: escapes", (a) => `${a}/caf%C3%A9/%E2%82%AC?q=%20%2B+`),
  input("input: text that needs escapes", (a) => `${a}/café/€?q=ü`),
  input("input: a blank in the path", (a) => `${a}/a b`),
  input("input: a quote in the query", (a) => `${a}/x?q="'<>`),
  input("input: a data URL", () => "data:,hello"),
  input("input: a data URL with a type", () => "data:text/html;charset=utf-8;base64,aGk="),
  input("input: a broken data URL", () => "data:broken"),
  input(
    "input: a data URL with POST",
    () => "data:,x",
    () => ({ method: "POST", body: "y" }),
  ),
  input(
    "input: a data URL with HEAD",
    () => "data:,x",
    () => ({ method: "HEAD" }),
  ),
  {
    name: "input: a blob URL",
    run: async (fetch) => {
      const url = URL.createObjectURL(new Blob(["inline"], { type: "text/x-blob" }));
      const response = await fetch(url);
      URL.revokeObjectURL(url);
      return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
    },
  },
  input("input: a revoked blob URL", () => "blob:nodedata:00000000-0000-0000-0000-000000000000"),
];

/** Requests of other copies of undici are taken for what they are; fetch itself would take their text. */
export const foreignRequest = async (fetch: Fetch, a: string): Promise<unknown> =>
  whole(
    await fetch(
      new NpmRequest(`${a}/x`, { method: "POST", body: "npm", headers: { "x-a": "1" } }) as unknown as Request,
    ),
  );

const METHODS = ["GET", "get", "HEAD", "POST", "post", "PUT", "put", "PATCH", "DELETE", "delete", "OPTIONS", "options"];
const NO_METHODS = ["", " ", "G ET", "GET\n", "TRACE", "trace", "CONNECT", "TRACK", "GÉT", "GET/1", "a,b"];

export const METHOD_OPERATIONS: readonly Operation[] = [
  ...METHODS.map((method) => call(`method: ${method}`, () => ({ method }))),
  ...NO_METHODS.map((method) => call(`method: ${JSON.stringify(method)} is refused`, () => ({ method }))),
  call("method: patch in lower case", () => ({ method: "PATCH", body: "x" })),
  call("method: null", () => ({ method: null })),
  call("method: undefined", () => ({ method: undefined })),
  call("method: an object", () => ({ method: { toString: () => "PUT" } })),
  call("method: a symbol", () => ({ method: Symbol("GET") })),
  call("method: GET with a body", () => ({ method: "GET", body: "x" })),
  call("method: HEAD with a body", () => ({ method: "HEAD", body: "x" })),
  call("method: none, with a body", () => ({ body: "x" })),
  call("method: GET with an empty body", () => ({ method: "GET", body: "" })),
  call("method: GET with null as body", () => ({ method: "GET", body: null })),
  ...["POST", "PUT", "PATCH", "DELETE", "OPTIONS"].flatMap((method) => [
    call(`method: ${method} with a body`, () => ({ method, body: "x" })),
    call(`method: ${method} with an empty body`, () => ({ method, body: "" })),
  ]),
];

export const HEADER_OPERATIONS: readonly Operation[] = [
  call("headers: an object", () => ({ headers: { "X-One": "1", "x-two": "2" } })),
  call("headers: pairs", () => ({
    headers: [
      ["X-One", "1"],
      ["x-two", "2"],
    ],
  })),
  call("headers: repeated pairs", () => ({
    headers: [
      ["x-a", "1"],
      ["X-A", "2"],
      ["x-a", "3"],
    ],
  })),
  call("headers: repeated pairs without a value", () => ({
    headers: [
      ["accept", ""],
      ["accept", ""],
      ["x-a", "1"],
      ["x-a", ""],
    ],
  })),
  call("headers: Headers", () => ({ headers: new Headers({ "X-One": "1" }) })),
  call("headers: Headers with repeated fields", () => {
    const headers = new Headers();
    headers.append("x-a", "1");
    headers.append("x-a", "2");
    return { headers };
  }),
  call("headers: a Map", () => ({ headers: new Map([["x-a", "1"]]) })),
  call("headers: an iterator of pairs", () => ({
    headers: (function* () {
      yield ["x-a", "1"];
      yield new Set(["x-b", "2"]);
    })(),
  })),
  call("headers: npm Headers", () => ({ headers: new NpmHeaders({ "x-a": "1" }) })),
  call("headers: empty", () => ({ headers: {} })),
  call("headers: undefined", () => ({ headers: undefined })),
  call("headers: null", () => ({ headers: null })),
  call("headers: a string", () => ({ headers: "x-a: 1" })),
  call("headers: a number", () => ({ headers: 7 })),
  call("headers: values that are not strings", () => ({
    headers: { "x-n": 7, "x-b": true, "x-u": undefined, "x-0": null },
  })),
  call("headers: an array value", () => ({ headers: { "x-a": ["1", "2"] } })),
  call("headers: a symbol as value", () => ({ headers: { "x-a": Symbol("v") } })),
  call("headers: an empty value", () => ({ headers: { "x-a": "" } })),
  call("headers: blanks around a value", () => ({ headers: { "x-a": " \t v \t " } })),
  call("headers: line ends around a value", () => ({ headers: { "x-a": "\r\n v \r\n" } })),
  call("headers: a line end in a value", () => ({ headers: { "x-a": "a\r\nb: c" } })),
  call("headers: a line feed in a value", () => ({ headers: { "x-a": "a\nb" } })),
  call("headers: NUL in a value", () => ({ headers: { "x-a": "a\u0000b" } })),
  call("headers: latin-1 in a value", () => ({ headers: { "x-a": "caf\u00e9" } })),
  call("headers: more than latin-1 in a value", () => ({ headers: { "x-a": "\u20ac" } })),
  call("headers: a blank in a name", () => ({ headers: { "x a": "1" } })),
  call("headers: an empty name", () => ({ headers: { "": "1" } })),
  call("headers: a colon in a name", () => ({ headers: { "x:a": "1" } })),
  call("headers: a name beyond ASCII", () => ({ headers: { "x-\u00e9": "1" } })),
  call("headers: a pair of one", () => ({ headers: [["x-a"]] })),
  call("headers: a pair of three", () => ({ headers: [["x-a", "1", "2"]] })),
  call("headers: pairs that are strings", () => ({ headers: ["x-a", "1"] })),
  call("headers: only own ones count", () => ({
    headers: Object.create({ "x-inherited": "1" }, { "x-own": { value: "2", enumerable: true } }),
  })),
  call("headers: a symbol as name", () => ({ headers: { [Symbol("x")]: "1" } })),
  call("headers: accept of one's own", () => ({ headers: { accept: "text/csv" } })),
  call("headers: accept-language of one's own", () => ({ headers: { "accept-language": "de" } })),
  call("headers: accept-encoding of one's own", () => ({ headers: { "accept-encoding": "identity" } })),
  call("headers: user-agent of one's own", () => ({ headers: { "user-agent": "mine/1" } })),
  call("headers: content-type of one's own", () => ({
    method: "POST",
    body: "{}",
    headers: { "Content-Type": "application/json" },
  })),
  call("headers: an empty content-type", () => ({ method: "POST", body: "{}", headers: { "content-type": "" } })),
  call("headers: the right content-length", () => ({
    method: "POST",
    body: "four",
    headers: { "Content-Length": "4" },
  })),
  call("headers: range", () => ({ headers: { range: "bytes=0-3" } })),
  call("headers: if-none-match", () => ({ headers: { "if-none-match": '"v1"' } })),
  call("headers: if-modified-since and cache-control", () => ({
    headers: { "if-modified-since": "Tue, 01 Dec 2026 00:00:00 GMT", "cache-control": "max-age=1" },
  })),
  call("headers: referer", () => ({ headers: { referer: "https://elsewhere.example/" } })),
  call("headers: origin", () => ({ headers: { origin: "https://elsewhere.example" } })),
  call("headers: x-api-key", () => ({ headers: { "x-api-key": "k" } })),
  call("headers: sec-fetch-mode", () => ({ headers: { "sec-fetch-mode": "navigate" } })),
  call("headers: set-cookie", () => ({
    headers: [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2"],
    ],
  })),
];

export const BODY_OPERATIONS: readonly Operation[] = [
  post("a string", () => "hello"),
  post("a string beyond ASCII", () => "grüße €\u{1F600}"),
  post("a lone surrogate", () => "a\ud800b"),
  post("an empty string", () => ""),
  post("bytes", () => bytes(0, 1, 2, 255)),
  post("no bytes", () => bytes()),
  post("a view into more bytes", () => bytes(1, 2, 3, 4, 5).subarray(1, 4)),
  post("a Buffer", () => Buffer.from("from a pool")),
  post("16-bit numbers", () => Uint16Array.from([1, 513])),
  post("an ArrayBuffer", () => bytes(7, 8, 9).buffer),
  post("a DataView", () => new DataView(bytes(1, 2, 3, 4).buffer, 1, 2)),
  post("a Blob", () => new Blob(["blob"], { type: "image/x-thing" })),
  post("a Blob without a type", () => new Blob(["blob"])),
  post("an empty Blob", () => new Blob([])),
  post("a File", () => new File(["file"], "name.txt", { type: "text/plain" })),
  post(
    "URLSearchParams",
    () =>
      new URLSearchParams([
        ["a", "1"],
        ["b", "ü &"],
      ]),
  ),
  post("empty URLSearchParams", () => new URLSearchParams()),
  post("FormData", () => form(FormData)),
  post("empty FormData", () => new FormData()),
  post("a stream", () => streamOf(utf8("one "), utf8("two")), { duplex: "half" }),
  post("an empty stream", () => streamOf(), { duplex: "half" }),
  post("a byte stream", () => new Blob(["bytes"]).stream(), { duplex: "half" }),
  post("a stream with its length", () => streamOf(utf8("12"), utf8("345")), {
    duplex: "half",
    headers: { "content-length": "5" },
  }),
  post("a stream that is shorter than its length", () => streamOf(utf8("12")), {
    duplex: "half",
    headers: { "content-length": "5" },
  }),
  post("a stream that is longer than its length", () => streamOf(utf8("123456789")), {
    duplex: "half",
    headers: { "content-length": "5" },
  }),
  post("a stream without duplex", () => streamOf(utf8("x"))),
  post("a stream with another duplex", () => streamOf(utf8("x")), { duplex: "full" } as unknown as Init),
  post("a string with duplex", () => "text", { duplex: "half" }),
  post("a stream of strings", () => streamOf("text"), { duplex: "half" }),
  post("a stream of numbers", () => streamOf(7), { duplex: "half" }),
  post("a stream that fails", () => new ReadableStream({ pull: (c) => c.error(new RangeError("no more")) }), {
    duplex: "half",
  }),
  {
    name: "body: a locked stream",
    run: async (fetch, { a }) => {
      const body = streamOf(utf8("x"));
      body.getReader();
      return whole(await fetch(`${a}/x`, { method: "POST", body, duplex: "half" } as Init));
    },
  },
  {
    name: "body: a disturbed stream",
    run: async (fetch, { a }) => {
      const body = streamOf(utf8("x"), utf8("y"));
      const reader = body.getReader();
      await reader.read();
      reader.releaseLock();
      return whole(await fetch(`${a}/x`, { method: "POST", body, duplex: "half" } as Init));
    },
  },
  post("an async iterable", () => chunksOf(utf8("it"), utf8("er")), { duplex: "half" }),
  post("an async iterable without duplex", () => chunksOf(utf8("it"))),
  post("an object", () => ({ a: 1 })),
  post("an array", () => [1, 2]),
  post("a number", () => 12),
  post("true", () => true),
  post("null", () => null),
  post("undefined", () => undefined),
  post("a symbol", () => Symbol("x")),
  post("a Blob with a content-type of one's own", () => new Blob(["x"], { type: "a/b" }), {
    headers: { "content-type": "c/d" },
  }),
  post("a form with a content-type of one's own", () => new URLSearchParams("a=1"), {
    headers: { "content-type": "application/x-www-form-urlencoded" },
  }),
  post("a large string", () => "x".repeat(300_000)),
  post("with keepalive", () => "k", { keepalive: true }),
  post("a stream with keepalive", () => streamOf(utf8("x")), { duplex: "half", keepalive: true }),
  {
    name: "body: bytes that change after the call",
    run: async (fetch, { a }) => {
      const body = utf8("before");
      const answer = fetch(`${a}/x`, { method: "POST", body });
      body.fill(0x21);
      return whole(await answer);
    },
  },
  {
    name: "body: a Response's body is passed on",
    run: async (fetch, { a }) => {
      const first = await fetch(`${a}/x`);
      return whole(await fetch(`${a}/y`, { method: "POST", body: first.body, duplex: "half" } as Init));
    },
  },
];

/** FormData of another copy of undici is taken for what it is; fetch itself would send its text. */
export const foreignForm = async (fetch: Fetch, a: string): Promise<unknown> =>
  whole(await fetch(`${a}/x`, { method: "POST", body: form(NpmFormData) }));

/** The same with the built-in class: what a foreign form must look like on the wire. */
export const nativeForm = async (fetch: Fetch, a: string): Promise<unknown> =>
  whole(await fetch(`${a}/x`, { method: "POST", body: form(FormData) }));

const OPTIONS: readonly [name: string, init: Record<string, unknown>][] = [
  ...["default", "no-store", "reload", "no-cache", "force-cache", "only-if-cached", "wrong", ""].map(
    (cache): [string, Record<string, unknown>] => [`cache ${cache}`, { cache }],
  ),
  ["cache only-if-cached, mode same-origin", { cache: "only-if-cached", mode: "same-origin" }],
  ...["omit", "same-origin", "include", "wrong"].map((credentials): [string, Record<string, unknown>] => [
    `credentials ${credentials}`,
    { credentials },
  ]),
  ...["cors", "no-cors", "same-origin", "navigate", "websocket", "wrong"].map(
    (mode): [string, Record<string, unknown>] => [`mode ${mode}`, { mode }],
  ),
  ["mode no-cors with a header", { mode: "no-cors", headers: { "x-a": "1", accept: "text/html" } }],
  ["mode no-cors with PUT", { mode: "no-cors", method: "PUT" }],
  ...["follow", "manual", "error", "wrong", ""].map((redirect): [string, Record<string, unknown>] => [
    `redirect ${redirect}`,
    { redirect },
  ]),
  ["redirect null", { redirect: null }],
  ["keepalive", { keepalive: true }],
  ["priority high", { priority: "high" }],
  ["referrer empty", { referrer: "" }],
  ["referrer about:client", { referrer: "about:client" }],
  ["referrer not a URL", { referrer: "not a url" }],
  ["referrer elsewhere", { referrer: "https://elsewhere.example/path?q=1" }],
  ...["no-referrer", "origin", "unsafe-url", "same-origin", "strict-origin", "wrong"].map(
    (referrerPolicy): [string, Record<string, unknown>] => [
      `referrerPolicy ${referrerPolicy}`,
      { referrerPolicy, referrer: "https://elsewhere.example/path?q=1" },
    ],
  ),
  ["window null", { window: null }],
  ["window something", { window: {} }],
  ["signal null", { signal: null }],
  ["signal undefined", { signal: undefined }],
  ["signal not a signal", { signal: {} }],
  ["signal a string", { signal: "abort" }],
  ["integrity empty", { integrity: "" }],
  ["duplex half without a body", { duplex: "half" }],
  ["duplex wrong without a body", { duplex: "wrong" }],
];

export const OPTION_OPERATIONS: readonly Operation[] = [
  ...OPTIONS.map(([name, init]) => call(`option: ${name}`, () => ({ ...init }))),
  call("option: referrer on the same origin", (a) => ({ referrer: `${a}/from?q=1#f` })),
  call("option: referrer on the same origin, policy origin", (a) => ({
    referrer: `${a}/from?q=1`,
    referrerPolicy: "origin",
  })),
];
