import { setImmediate as turn } from "node:timers/promises";
import type { Answer } from "./lab.js";
import { errorFacts, type Fetch, facts, type Operation, whole } from "./observe.js";

/**
 * What the platform's own tests of fetch look at, and the other tables do not: what goes before what, how bodies end when
 * their call is broken off, and what a response is as an object.
 */

type Init = RequestInit & { readonly duplex?: "half"; readonly [key: string]: unknown };

const outcome = (work: Promise<unknown>): Promise<unknown> => work.then((value) => ({ value }), errorFacts);

/** The error's name only: the text is the platform's. */
const named = (work: () => unknown): Promise<string> =>
  Promise.resolve()
    .then(work)
    .then(
      () => "no error",
      (error: unknown) => (error instanceof Error ? error.name : Object.prototype.toString.call(error)),
    );

const tried = (name: string, url: (a: string) => string, init?: Init): Operation => ({
  name: `scheme: ${name}`,
  run: async (fetch, { a }) => {
    const error = (await fetch(url(a), init).catch((thrown: unknown) => thrown)) as Error;
    return [error.name, error instanceof TypeError, error.message];
  },
});

const SCHEME_OPERATIONS: readonly Operation[] = [
  tried("about:blank", () => "about:blank"),
  tried("about:unicorn", () => "about:unicorn"),
  tried("about with POST", () => "about:blank", { method: "POST" }),
  tried("ftp", () => "ftp://files.example/x"),
  tried("file", () => "file:///etc/hostname"),
  tried("javascript", () => "javascript:alert(1)"),
  tried("mailto", () => "mailto:ada@acme.example"),
  tried("ws", (a) => a.replace("http:", "ws:")),
  tried("one nobody knows", () => "x-mystery://here/there"),
  tried("a protocol-relative URL", (a) => a.replace("http:", "")),
  tried("http without a host", () => "http://"),
  tried("a host that is none", () => "http://a b/"),
  tried("a broken address", () => "http://[::1/"),
  tried("a bad port", () => "http://127.0.0.1:25/"),
];

/** What a Request's constructor would refuse goes before the signal (Fetch, "fetch method", step 2). */
const before = (name: string, url: (a: string) => unknown, init: Init = {}): Operation => ({
  name: `abort: ${name} goes before a signal that is aborted`,
  run: async (fetch, { a }) => named(() => fetch(url(a) as string, { ...init, signal: AbortSignal.abort() })),
});

const PRIORITY_OPERATIONS: readonly Operation[] = [
  before("a URL that is none", () => "not a url"),
  before("a URL with credentials", (a) => a.replace("//", "//ada:pw@")),
  before("mode navigate", (a) => a, { mode: "navigate" }),
  before("a referrer that is none", (a) => a, { referrer: "http://user name@/" }),
  before("a window", (a) => a, { window: {} } as unknown as Init),
  before("a method that is none", (a) => a, { method: "this is not" }),
  before("a method that is forbidden", (a) => a, { method: "TRACE" }),
  before("no-cors with a method", (a) => a, { mode: "no-cors", method: "PUT" }),
  before("a body with GET", (a) => a, { body: "x" }),
  before("a header that is none", (a) => a, { headers: { "x\n": "1" } }),
  before("cache only-if-cached", (a) => a, { cache: "only-if-cached" }),
  before("integrity of any kind", (a) => a, { integrity: "nonsense" }),
  before("a scheme that is none", () => "x-mystery://here/"),
  before("nothing", (a) => a),
];

const own = new RangeError("a reason of one's own");

/** An answer whose first part can be read at once, and that never ends. */
const endless: Answer = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: first\n\n");
};

const READERS = ["text", "json", "arrayBuffer", "blob", "formData"] as const;

const SIGNAL_OPERATIONS: readonly Operation[] = [
  ...READERS.map(
    (reader): Operation => ({
      name: `abort: ${reader}() after the abort, of an answer that is short`,
      run: async (fetch, { a }) => {
        const controller = new AbortController();
        const response = await fetch(`${a}/x`, { signal: controller.signal });
        controller.abort();
        const first = await outcome(response[reader]());
        return [first, response.bodyUsed, await named(() => response[reader]())];
      },
    }),
  ),
  {
    name: "abort: a reader of an answer that is short",
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      const reader = response.body?.getReader();
      controller.abort(own);
      return [await reader?.closed.catch((error: unknown) => error === own), response.bodyUsed];
    },
  },
  ...READERS.map(
    (reader): Operation => ({
      name: `abort: ${reader}() after the abort`,
      answer: endless,
      run: async (fetch, { a }) => {
        const controller = new AbortController();
        const response = await fetch(`${a}/x`, { signal: controller.signal });
        controller.abort();
        const first = await outcome(response[reader]());
        return [first, response.bodyUsed, await named(() => response[reader]())];
      },
    }),
  ),
  ...READERS.map(
    (reader): Operation => ({
      name: `abort: while ${reader}() waits`,
      answer: endless,
      run: async (fetch, { a }) => {
        const controller = new AbortController();
        const response = await fetch(`${a}/x`, { signal: controller.signal });
        const reading = outcome(response[reader]());
        await turn();
        controller.abort();
        return [await reading, response.bodyUsed];
      },
    }),
  ),
  {
    name: "abort: a Request is used up even where its signal was aborted before",
    run: async (fetch, { a }) => {
      const request = new Request(`${a}/x`, { method: "POST", body: "used", signal: AbortSignal.abort() });
      return [await outcome(fetch(request)), request.bodyUsed];
    },
  },
  {
    name: "abort: nothing is asked of the server where the signal was aborted before",
    run: async (fetch, { a }) => {
      await outcome(fetch(`${a}/never`, { signal: AbortSignal.abort() }));
      return whole(await fetch(`${a}/after`));
    },
  },
  {
    name: "abort: one signal ends all its calls",
    answer: endless,
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const calls = ["/1", "/2", "/3"].map((path) => fetch(a + path, { signal: controller.signal }));
      const responses = await Promise.all(calls);
      controller.abort(own);
      return Promise.all(responses.map((response) => response.text().catch((error: unknown) => error === own)));
    },
  },
  {
    name: "abort: a call that is over is not ended by its signal, and others are",
    run: async (fetch, lab) => {
      const controller = new AbortController();
      const first = await (await fetch(`${lab.a}/1`, { signal: controller.signal })).text();
      lab.reset(endless);
      const second = await fetch(`${lab.a}/2`, { signal: controller.signal });
      controller.abort();
      return [first, await outcome(second.text())];
    },
  },
  {
    name: "abort: a stream to be sent is cancelled with the reason before it is read",
    run: async (fetch, { a }) => {
      let reason: unknown;
      const body = new ReadableStream(
        {
          pull: (controller) => controller.enqueue(new Uint8Array(1)),
          cancel: (given) => {
            reason = given;
          },
        },
        { highWaterMark: 0 },
      );
      const init = { method: "POST", body, duplex: "half", signal: AbortSignal.abort(own) } as Init;
      return [(await fetch(`${a}/x`, init).catch((error: unknown) => error)) === own, reason === own];
    },
  },
  {
    name: "abort: of a clone's original ends the clone too",
    answer: endless,
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      const copy = response.clone();
      controller.abort(own);
      const ends = [response.text(), copy.text()].map((end) => end.catch((error: unknown) => error === own));
      return Promise.all(ends);
    },
  },
  {
    name: "abort: the stream of a body that is there already ends in the error",
    answer: endless,
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const { body } = await fetch(`${a}/x`, { signal: controller.signal });
      const reader = body?.getReader();
      await reader?.read();
      controller.abort(own);
      const closed = await reader?.closed.catch((error: unknown) => error === own);
      return [closed, await reader?.read().catch((error: unknown) => error === own)];
    },
  },
  {
    name: "abort: an empty body is over before anything can be broken off",
    answer: (_request, response) => void response.writeHead(200, { "content-length": 0 }).end(),
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      const text = await response.text();
      controller.abort();
      return [text, response.bodyUsed];
    },
  },
  {
    name: "abort: twenty calls at once on one signal draw no warning",
    answer: endless,
    run: async (fetch, { a, arrived }) => {
      const warnings: string[] = [];
      const note = ({ name }: Error): void => void warnings.push(name);
      process.on("warning", note);
      const controller = new AbortController();
      const calls = Array.from({ length: 20 }, () => fetch(`${a}/x`, { signal: controller.signal }));
      const bodies = (await Promise.all(calls)).map((response) => response.text().catch((error: unknown) => error));
      await turn();
      controller.abort(own);
      const ends = new Set(await Promise.all(bodies));
      process.off("warning", note);
      arrived.length = 0;
      return [ends.size, ends.has(own), warnings];
    },
  },
  {
    name: "abort: a listener of one's own is told once",
    answer: endless,
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      let told = 0;
      controller.signal.addEventListener("abort", () => told++);
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      controller.abort(own);
      controller.abort(new Error("again"));
      return [await response.text().catch((error: unknown) => error === own), told];
    },
  },
];

const json: Answer = (_request, response) => {
  response.setHeader("content-type", "application/json; charset=utf-8");
  response.end('{"a":[1,2]}');
};

type Read = (response: Response) => Promise<unknown>;

const reading = (name: string, read: Read, answer: Answer = json, init?: Init): Operation => ({
  name: `object: ${name}`,
  answer,
  run: async (fetch, { a }) => read(await fetch(`${a}/x`, init)),
});

const withType =
  (type: string | undefined, body: string): Answer =>
  (_request, response) => {
    if (type !== undefined) response.setHeader("content-type", type);
    response.end(body);
  };

const flowing: Answer = (_request, response) => {
  response.setHeader("content-type", "text/event-stream");
  response.write("data: one\n\n");
  setImmediate(() => response.end("data: two\n\n"));
};

const OBJECT_OPERATIONS: readonly Operation[] = [
  reading("instanceof, for all that a program meets", async (response) => [
    response instanceof Response,
    response.headers instanceof Headers,
    response.body instanceof ReadableStream,
    (await response.clone().blob()) instanceof Blob,
    (await response.clone().arrayBuffer()) instanceof ArrayBuffer,
    Object.prototype.toString.call(response.text()),
  ]),
  reading("headers in order, by every iterator", async ({ headers }) => [
    [...headers.keys()],
    [...headers.entries()].filter(([name]) => name !== "date"),
    headers[Symbol.iterator] === headers.entries,
    [...new Headers(headers).keys()],
    Object.keys(Object.fromEntries(headers)),
    JSON.stringify(headers),
  ]),
  reading("headers refuse names that are none", async ({ headers }) => [
    await named(() => headers.get("a b")),
    await named(() => headers.has("")),
    await named(() => (headers.get as () => unknown)()),
  ]),
  ...["text", "json", "arrayBuffer", "blob"].map((reader) =>
    reading(`${reader}() leaves the stream locked or closed as it is`, async (response) => {
      const { body } = response;
      const result = (response as unknown as Record<string, () => Promise<unknown>>)[reader]?.();
      const during = [response.bodyUsed, body?.locked];
      await result;
      return [during, response.bodyUsed, body?.locked, await named(() => body?.getReader())];
    }),
  ),
  reading("text() of what is being read elsewhere", async (response) => {
    const reader = response.body?.getReader();
    const outcomes = [await named(() => response.text()), response.bodyUsed];
    await reader?.cancel();
    return [...outcomes, response.bodyUsed, await named(() => response.text())];
  }),
  reading(
    "text() of what was read in part",
    async (response) => {
      const reader = response.body?.getReader();
      await reader?.read();
      reader?.releaseLock();
      return [response.bodyUsed, response.body?.locked, await named(() => response.text())];
    },
    flowing,
  ),
  reading("text() after a reader that read nothing", async (response) => {
    response.body?.getReader().releaseLock();
    return [response.bodyUsed, await response.text()];
  }),
  reading(
    "cancelled twice, and after the end",
    async (response) => {
      const { body } = response;
      const first = await outcome(Promise.resolve(body?.cancel("once")));
      const second = await outcome(Promise.resolve(body?.cancel("twice")));
      const step = await body?.getReader().read();
      return [first, second, step?.done, response.bodyUsed];
    },
    flowing,
  ),
  reading(
    "cancelled while locked",
    async (response) => {
      const reader = response.body?.getReader();
      const locked = await named(() => response.body?.cancel());
      return [locked, await outcome(Promise.resolve(reader?.cancel())), response.bodyUsed];
    },
    flowing,
  ),
  reading(
    "closed is told to a reader at the end",
    async (response) => {
      const reader = response.body?.getReader();
      let step = await reader?.read();
      while (step !== undefined && !step.done) step = await reader?.read();
      return [await reader?.closed, (await reader?.read())?.done];
    },
    flowing,
  ),
  reading("a byte reader with memory that is too small", async (response) => {
    const reader = response.body?.getReader({ mode: "byob" });
    let text = "";
    for (;;) {
      const step = await reader?.read(new Uint8Array(3));
      if (step === undefined || step.done) return [text, step?.value?.byteLength];
      text += Buffer.from(step.value).toString();
    }
  }),
  reading(
    "both branches of tee, one of them cancelled",
    async (response) => {
      const [left, right] = response.body?.tee() ?? [];
      const cancelled = left?.cancel("enough");
      const text = await new Response(right).text();
      return [text, response.bodyUsed, response.body?.locked, await Promise.race([cancelled, turn("open")])];
    },
    flowing,
  ),
  reading(
    "a clone, and the original is cancelled",
    async (response) => {
      const copy = response.clone();
      void response.body?.cancel();
      return [response.bodyUsed, copy.bodyUsed, await copy.text()];
    },
    flowing,
  ),
  reading(
    "a clone, and the clone is cancelled",
    async (response) => {
      void response.clone().body?.cancel();
      return response.text();
    },
    flowing,
  ),
  reading(
    "clones of a null body",
    async (response) => {
      const copy = response.clone();
      return [copy.body, copy.status, await copy.text(), await response.text(), copy.bodyUsed];
    },
    (_request, response) => void response.writeHead(204).end(),
  ),
  reading("a clone's facts, after both were read", async (response) => {
    const copy = response.clone();
    await Promise.all([response.text(), copy.text()]);
    return [facts(copy), await named(() => copy.clone())];
  }),
  reading(
    "text decoded as it comes",
    async (response) => {
      const decoded = response.body?.pipeThrough(
        new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>,
      );
      let text = "";
      for await (const part of decoded as unknown as AsyncIterable<string>) text += part;
      return [text, response.bodyUsed];
    },
    flowing,
  ),
  reading(
    "piped to a writer",
    async (response) => {
      let text = "";
      await response.body?.pipeTo(
        new WritableStream<Uint8Array>({
          write: (chunk) => {
            text += Buffer.from(chunk).toString();
          },
        }),
      );
      return [text, response.bodyUsed, response.body?.locked];
    },
    flowing,
  ),
  reading(
    "piped to a writer that fails",
    async (response) => {
      const failing = new WritableStream({ write: () => Promise.reject(own) });
      return [(await response.body?.pipeTo(failing).catch((error: unknown) => error)) === own, response.bodyUsed];
    },
    flowing,
  ),
  reading("given to another Response", async (response) => {
    const again = new Response(response.body, { headers: response.headers });
    return [await again.json(), response.bodyUsed, again.headers.get("content-type"), again.url, again.type];
  }),
  reading("given to a Request", async (response) => {
    const request = new Request("http://x.example/", { method: "POST", body: response.body, duplex: "half" } as Init);
    return [await request.text(), response.bodyUsed];
  }),
  reading("structuredClone", async (response) => named(() => structuredClone(response))),
  reading("its members are on the prototype", async (response) => [
    Object.getOwnPropertyNames(response),
    "url" in response,
    Object.hasOwn(response, "url"),
    String(response),
    response.valueOf() === response,
  ]),
  reading("spread", async (response) => Object.keys({ ...response })),
  ...[
    "text/plain",
    "text/PLAIN; Charset=UTF-8",
    "application/json;charset=utf-8",
    "image/svg+xml",
    "text/html; boundary=x",
    "nonsense",
    "",
    "text/plain, application/json",
  ].map((type) =>
    reading(
      `the type of a blob of ${JSON.stringify(type)}`,
      async (response) => {
        const blob = await response.blob();
        return [blob.type, blob.size, response.headers.get("content-type")];
      },
      withType(type, "12345"),
    ),
  ),
  reading("the type of a blob of nothing", async (response) => (await response.blob()).type, withType(undefined, "x")),
  ...[
    ["an empty form", "application/x-www-form-urlencoded", ""],
    ["a form in capitals", "APPLICATION/X-WWW-FORM-URLENCODED; charset=utf-8", "a=1&a=2&b"],
    ["a form without a boundary", "multipart/form-data", "--x--"],
    ["a form cut short", "multipart/form-data; boundary=x", "--x\r\ncontent-disposition: form-data"],
    ["an empty multipart form", "multipart/form-data; boundary=x", "--x--\r\n"],
    ["a form of another type", "text/plain", "a=1"],
    [
      "a multipart form with a quoted boundary",
      'multipart/form-data; boundary="x y"',
      '--x y\r\ncontent-disposition: form-data; name="a"\r\n\r\n1\r\n--x y--\r\n',
    ],
  ].map(([name = "", type = "", text = ""]) =>
    reading(
      `${name}`,
      async (response) => {
        const form = await response.formData().catch((error: Error) => error.name);
        return typeof form === "string" ? form : [...form];
      },
      withType(type, text),
    ),
  ),
  ...['{"a":1} x', "nul", "1", '"text"', "null", "[", '{"__proto__":{"x":1}}'].map((text) =>
    reading(`json() of ${text}`, async (response) => outcome(response.json()), withType("application/json", text)),
  ),
  reading("bytes()", async (response) => {
    if (!("bytes" in Response.prototype)) return "not in this Node";
    const bytes = await (response as Response & { bytes(): Promise<Uint8Array> }).bytes();
    return [bytes.constructor.name, Buffer.from(bytes).toString(), response.bodyUsed];
  }),
];

const FUNCTION_OPERATIONS: readonly Operation[] = [
  { name: "function: its name and length", run: async (fetch) => [typeof fetch, fetch.name, fetch.length] },
  { name: "function: called with nothing", run: async (fetch) => named(() => (fetch as () => unknown)()) },
  {
    name: "function: always answers with a promise",
    run: async (fetch) => {
      const bad: unknown[] = [undefined, Symbol("x"), "not a url"];
      const answers = bad.map((input) => fetch(input as string));
      return Promise.all(
        answers.map((answer) => [answer instanceof Promise, answer.catch((error) => error.name)].at(0)),
      );
    },
  },
  {
    name: "function: many at once, each with its own answer",
    answer: (request, response) => void response.end(request.url),
    run: async (fetch, { a }) =>
      Promise.all(Array.from({ length: 40 }, async (_, index) => (await fetch(`${a}/n${index}`)).text())).then((all) =>
        all.every((text, index) => text === `/n${index}`),
      ),
  },
];

/** Order of arrival is not compared for calls that are made at once. */
const unordered = (operation: Operation): Operation => ({
  ...operation,
  run: async (fetch: Fetch, lab) => {
    const result = await operation.run(fetch, lab);
    lab.arrived.length = 0;
    return result;
  },
});

const wire = (...lines: string[]): string => lines.join("\r\n");

/**
 * Bytes as they are on the wire, part by part; then the connection ends. The operation is over when both sides know: the next
 * one must not be sent on a connection that is about to be closed.
 */
const raw = (name: string, ...parts: string[]): Operation => {
  let closed: Promise<void> = Promise.resolve();
  return {
    name: `wire: ${name}`,
    answer: (_request, response) => {
      const { socket } = response;
      closed = new Promise((resolve) => socket?.once("close", () => resolve()));
      const next = (index: number): void => {
        const part = parts[index];
        if (part === undefined) socket?.end();
        else socket?.write(Buffer.from(part, "latin1"), () => setTimeout(next, 5, index + 1));
      };
      next(0);
    },
    run: async (fetch, { a }) => {
      try {
        return await whole(await fetch(`${a}/x`));
      } finally {
        await closed;
      }
    },
  };
};

const CHUNKED = wire("HTTP/1.1 200 OK", "transfer-encoding: chunked", "content-type: text/plain", "", "");

const WIRE_OPERATIONS: readonly Operation[] = [
  raw("the last chunk in a packet of its own", `${CHUNKED}5\r\nhello\r\n`, "0\r\n\r\n"),
  raw("the last chunk split within", `${CHUNKED}5\r\nhello\r\n0\r\n`, "\r\n"),
  raw("several chunks in one packet", `${CHUNKED}1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n`),
  raw("a chunk's size split within", `${CHUNKED}1`, "0\r\n0123456789abcdef\r\n0\r\n\r\n"),
  raw("chunk extensions", `${CHUNKED}5;name=value\r\nhello\r\n0\r\n\r\n`),
  raw("trailers that look like a header", `${CHUNKED}2\r\nhi\r\n0\r\ncontent-type: text/html\r\nx-late: 1\r\n\r\n`),
  raw("a chunked body without its last chunk", `${CHUNKED}5\r\nhello\r\n`),
  raw(
    "only the first of two answers",
    `${wire("HTTP/1.1 200 OK", "content-length: 2", "", "")}hi${wire("HTTP/1.1 200 OK", "content-length: 3", "", "")}not`,
  ),
  raw("a status without digits", wire("HTTP/1.1 abc OK", "content-length: 0", "", "")),
  raw("two lengths that agree", `${wire("HTTP/1.1 200 OK", "content-length: 2", "content-length: 2", "", "")}hi`),
  raw(
    "two lengths that do not agree",
    `${wire("HTTP/1.1 200 OK", "content-length: 2", "content-length: 3", "", "")}hi!`,
  ),
  raw(
    "a length and chunks",
    `${wire("HTTP/1.1 200 OK", "content-length: 5", "transfer-encoding: chunked", "", "")}2\r\nhi\r\n0\r\n\r\n`,
  ),
  raw("a header that is folded", `${wire("HTTP/1.1 200 OK", "x-a: one", " two", "content-length: 2", "", "")}hi`),
  raw("a header without a colon", `${wire("HTTP/1.1 200 OK", "x-a", "content-length: 2", "", "")}hi`),
  raw("NUL in a header", `${wire("HTTP/1.1 200 OK", "x-a: a\0b", "content-length: 2", "", "")}hi`),
  raw("bare line feeds", "HTTP/1.1 200 OK\ncontent-length: 2\n\nhi"),
  raw("headers only, then the end", wire("HTTP/1.1 200 OK", "content-type: text/plain", "", "")),
  raw("an empty deflate body", wire("HTTP/1.1 200 OK", "content-encoding: deflate", "content-length: 0", "", "")),
];

const moved =
  (status: number, headers: Readonly<Record<string, string>>, first = "/from"): Answer =>
  (request, response) => {
    if (request.url === first) response.writeHead(status, headers).end("moved");
    else response.end(`${request.method} ${request.url}`);
  };

const redirect = (
  name: string,
  headers: Readonly<Record<string, string>>,
  init: Init = {},
  status = 302,
): Operation => ({
  name: `redirect: ${name}`,
  answer: moved(status, headers),
  run: async (fetch, { a }) => whole(await fetch(`${a}/from`, init)),
});

const REDIRECT_OPERATIONS: readonly Operation[] = [
  redirect("to a location that is broken", { location: "//super:invalid:url%/" }),
  redirect("to a location that is broken, by hand", { location: "//super:invalid:url%/" }, { redirect: "manual" }),
  redirect("to a broken location, as error", { location: "//super:invalid:url%/" }, { redirect: "error" }),
  redirect("with no location, as error", {}, { redirect: "error" }),
  redirect("with no location, by hand", {}, { redirect: "manual" }),
  redirect("201 with a location is none", { location: "/to" }, {}, 201),
  redirect("200 with a location is none", { location: "/to" }, {}, 200),
  redirect("of HEAD", { location: "/to" }, { method: "HEAD" }, 303),
  redirect("of an empty chunked answer", { location: "/to", "transfer-encoding": "chunked" }),
  redirect("with a body that is compressed wrongly", { location: "/to", "content-encoding": "gzip" }),
  redirect("keeps accept and drops nothing else", { location: "/to" }, { headers: { accept: "a/b", "x-a": "1" } }),
  redirect("only a query", { location: "?a=1" }),
  redirect("only a fragment", { location: "#part" }, { redirect: "manual" }),
  redirect("to a backslash", { location: "\\to" }),
  redirect("to itself with a query", { location: "/from?again" }),
  {
    name: "redirect: is told by the response, and so is its end",
    answer: moved(301, { location: "/to?x=1" }),
    run: async (fetch, { a }) => {
      const [plain, after] = [await fetch(`${a}/x`), await fetch(`${a}/from#mine`)];
      return [plain.redirected, after.redirected, after.url, after.clone().redirected, await after.text()];
    },
  },
  {
    name: "redirect: a Request's mode, and the options' over it",
    answer: moved(302, { location: "/to" }),
    run: async (fetch, { a }) => {
      const request = new Request(`${a}/from`, { redirect: "manual" });
      return [(await fetch(request.clone())).status, (await fetch(request, { redirect: "follow" })).status];
    },
  },
  {
    name: "redirect: an abort between two hops",
    run: async (fetch, lab) => {
      const controller = new AbortController();
      lab.reset((request, response) => {
        if (request.url === "/from") response.writeHead(302, { location: "/to" }).end();
        else controller.abort(own);
      });
      const error = await fetch(`${lab.a}/from`, { signal: controller.signal }).catch((thrown: unknown) => thrown);
      return error === own;
    },
  },
];

export const PLATFORM_OPERATIONS: readonly Operation[] = [
  ...SCHEME_OPERATIONS,
  ...PRIORITY_OPERATIONS,
  ...SIGNAL_OPERATIONS,
  ...OBJECT_OPERATIONS,
  ...FUNCTION_OPERATIONS.map(unordered),
  ...WIRE_OPERATIONS,
  ...REDIRECT_OPERATIONS,
];
