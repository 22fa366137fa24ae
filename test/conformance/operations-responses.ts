import { createHash } from "node:crypto";
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from "node:zlib";
import type { Answer } from "./lab.js";
import { errorFacts, type Fetch, facts, type Operation, whole } from "./observe.js";

const TEXT = '{"name":"Zoë","list":[1,2,3]}';

const answering = (name: string, answer: Answer, init?: RequestInit): Operation => ({
  name,
  answer,
  run: async (fetch, { a }) => whole(await fetch(`${a}/x`, init)),
});

/** Bytes as they are on the wire, from the status line on; then the connection ends. */
const raw = (name: string, text: string, init?: RequestInit): Operation =>
  answering(name, (_request, response) => response.socket?.end(Buffer.from(text, "latin1")), init);

const withStatus =
  (status: number): Answer =>
  (_request, response) => {
    response.writeHead(status, { "content-type": "text/plain", "x-a": "1" });
    response.end(status === 204 || status === 304 ? undefined : `status ${status}`);
  };

const json: Answer = (_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(TEXT);
};

const chunked =
  (...chunks: (string | Buffer)[]): Answer =>
  (_request, response) => {
    response.setHeader("content-type", "text/plain");
    const next = (index: number): void => {
      const chunk = chunks[index];
      if (chunk === undefined) response.end();
      else response.write(chunk, () => setImmediate(next, index + 1));
    };
    next(0);
  };

type Read = (response: Response) => Promise<unknown>;

const reading = (name: string, read: Read, answer: Answer = json): Operation => ({
  name: `response: ${name}`,
  answer,
  run: async (fetch, { a }) => read(await fetch(`${a}/x`)),
});

const latin1 = (bytes: Uint8Array | ArrayBuffer): string => Buffer.from(bytes as Uint8Array).toString("latin1");

const attempt = async (work: () => unknown): Promise<unknown> => {
  try {
    return { value: await work() };
  } catch (error) {
    return errorFacts(error);
  }
};

/** The name of the error only: its text is the platform's, and differs between versions. */
const refusal = async (work: () => unknown): Promise<string> => {
  try {
    await work();
    return "no error";
  } catch (error) {
    return error instanceof Error ? error.name : String(error);
  }
};

async function viaReader(response: Response): Promise<unknown> {
  const reader = response.body?.getReader();
  let text = "";
  for (;;) {
    const step = await reader?.read();
    if (step === undefined || step.done) break;
    text += latin1(step.value);
  }
  return [text, response.bodyUsed];
}

async function viaIteration(response: Response): Promise<unknown> {
  let text = "";
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) text += latin1(chunk);
  return [text, response.bodyUsed];
}

const multipart: Answer = (_request, response) => {
  response.setHeader("content-type", "multipart/form-data; boundary=xx");
  response.end(
    '--xx\r\ncontent-disposition: form-data; name="a"\r\n\r\none\r\n--xx\r\ncontent-disposition: form-data; name="f"; filename="f.txt"\r\ncontent-type: text/plain\r\n\r\nfile\r\n--xx--\r\n',
  );
};

export const RESPONSE_OPERATIONS: readonly Operation[] = [
  ...[
    200, 201, 202, 203, 204, 206, 300, 304, 400, 401, 402, 403, 404, 405, 408, 409, 410, 413, 418, 422, 425, 426, 429,
  ].map((status) => answering(`status: ${status}`, withStatus(status))),
  ...[451, 500, 501, 502, 503, 504, 511, 599].map((status) => answering(`status: ${status}`, withStatus(status))),
  ...[301, 302, 303, 305, 306, 307, 308].map((status) =>
    answering(`status: ${status} without location`, withStatus(status)),
  ),
  raw("status: 205", "HTTP/1.1 205 Reset Content\r\ncontent-length: 0\r\n\r\n"),
  raw("status: 299 with a reason of its own", "HTTP/1.1 299 Very Special Reason\r\ncontent-length: 2\r\n\r\nhi"),
  raw("status: no reason", "HTTP/1.1 200 \r\ncontent-length: 2\r\n\r\nhi"),
  raw("status: a reason beyond ASCII", "HTTP/1.1 200 Gr\xfc\xdfe\r\ncontent-length: 2\r\n\r\nhi"),
  raw("status: 600", "HTTP/1.1 600 Beyond\r\ncontent-length: 2\r\n\r\nhi"),
  raw("status: 999", "HTTP/1.1 999 Beyond\r\ncontent-length: 2\r\n\r\nhi"),
  answering("status: 103 before 200", (_request, response) => {
    response.writeEarlyHints({ link: "</style.css>; rel=preload" });
    json(_request, response, Buffer.alloc(0));
  }),
  raw(
    "status: 100 and 102 before 200",
    "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhi",
  ),
  answering("body: until the connection closes", (_request, response) => {
    response.socket?.end("HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\nto the end");
  }),
  answering("body: HTTP/1.0", (_request, response) => {
    response.socket?.end("HTTP/1.0 200 OK\r\ncontent-type: text/plain\r\n\r\nold");
  }),
  answering("body: empty with length", (_request, response) => {
    response.writeHead(200, { "content-length": 0 });
    response.end();
  }),
  answering("body: chunked", chunked("one ", "two ", "three")),
  answering("body: trailers are ignored", (_request, response) => {
    response.writeHead(200, { trailer: "x-sum", "content-type": "text/plain" });
    response.write("with a trailer");
    response.addTrailers({ "x-sum": "1" });
    response.end();
  }),
  answering(
    "body: HEAD",
    (_request, response) => {
      response.writeHead(200, { "content-length": 1000, "content-type": "application/json", etag: '"v"' });
      response.end();
    },
    { method: "HEAD" },
  ),
  answering(
    "body: HEAD with a coding",
    (_request, response) => {
      response.writeHead(200, { "content-length": 1000, "content-encoding": "gzip" });
      response.end();
    },
    { method: "HEAD" },
  ),
  answering("headers: many", (_request, response) => {
    response.setHeader("set-cookie", ["a=1; Path=/", "b=2"]);
    response.setHeader("x-multi", ["1", "2"]);
    response.setHeader("link", ['<a>; rel="next"', '<b>; rel="last"']);
    response.setHeader("etag", '"v1"');
    response.setHeader("Content-Type", "application/vnd.x+json; charset=utf-8");
    response.setHeader("x-request-id", "r-1");
    response.setHeader("vary", "accept");
    response.end(TEXT);
  }),
  raw("headers: latin-1", "HTTP/1.1 200 OK\r\nx-latin: caf\xe9\r\ncontent-length: 2\r\n\r\nhi"),
  raw("headers: UTF-8", "HTTP/1.1 200 OK\r\nx-utf: caf\xc3\xa9\r\ncontent-length: 2\r\n\r\nhi"),
  raw(
    "headers: content-disposition",
    'HTTP/1.1 200 OK\r\ncontent-disposition: attachment; filename="caf\xc3\xa9"\r\ncontent-length: 2\r\n\r\nhi',
  ),
  raw(
    "headers: empty, padded and repeated",
    "HTTP/1.1 200 OK\r\nx-e:\r\nx-p:   padded  \r\nx-p: again\r\nX-P: and again\r\ncontent-length: 2\r\n\r\nhi",
  ),
  raw(
    "headers: named like members of an object",
    "HTTP/1.1 200 OK\r\n__proto__: 1\r\nconstructor: 2\r\ncontent-length: 2\r\n\r\nhi",
  ),
  reading("headers cannot be changed", async (response) => {
    const results: string[] = [];
    for (const change of [
      () => response.headers.set("x-a", "1"),
      () => response.headers.append("x-a", "1"),
      () => response.headers.delete("content-type"),
      () => response.headers.set("bad name", "1"),
    ])
      results.push(await refusal(change));
    return [results, [...response.headers.keys()]];
  }),
  reading("headers are the same object each time", async (response) => {
    const { headers } = response;
    return headers === response.headers;
  }),
  reading("headers can be copied and changed", async (response) => {
    const copy = new Headers(response.headers);
    copy.set("x-a", "1");
    return [copy.get("x-a"), copy.get("content-type"), response.headers.has("x-a")];
  }),
  reading("headers by every accessor", async ({ headers }) => {
    const each: string[] = [];
    headers.forEach((value, name) => {
      each.push(`${name}=${value}`);
    });
    return [
      headers.get("Content-Type"),
      headers.has("nope"),
      headers.get("nope"),
      each.filter((line) => !line.startsWith("date")),
      Object.prototype.toString.call(headers),
    ];
  }),
  reading("text", async (response) => [await response.text(), response.bodyUsed]),
  reading("json", async (response) => [await response.json(), response.bodyUsed]),
  reading("arrayBuffer", async (response) => {
    const buffer = await response.arrayBuffer();
    return [Object.prototype.toString.call(buffer), latin1(buffer)];
  }),
  reading("blob", async (response) => {
    const blob = await response.blob();
    return [blob.type, blob.size, await blob.text()];
  }),
  reading("stream", viaReader),
  reading("stream of many chunks", viaReader, chunked("a", "b", "c", "d")),
  reading("async iteration", viaIteration),
  reading("async iteration of many chunks", viaIteration, chunked("a", "b", "c", "d")),
  reading(
    "async iteration left early",
    async (response) => {
      for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
        if (chunk.byteLength > 0) break;
      }
      return [response.bodyUsed, response.body?.locked];
    },
    chunked("a", "b", "c"),
  ),
  reading("stream with memory of one's own", async (response) => {
    const reader = response.body?.getReader({ mode: "byob" });
    const step = await reader?.read(new Uint8Array(4));
    return [step?.done, latin1(step?.value ?? new Uint8Array())];
  }),
  reading(
    "form data",
    async (response) => {
      const form = await response.formData();
      const file = form.get("f") as File;
      return [form.get("a"), file.name, file.type, await file.text()];
    },
    multipart,
  ),
  reading(
    "urlencoded form data",
    async (response) => [...(await response.formData())],
    (_request, response) => {
      response.setHeader("content-type", "application/x-www-form-urlencoded");
      response.end("a=1&b=%C3%BC+x");
    },
  ),
  reading("form data that is none", async (response) => refusal(() => response.formData())),
  reading(
    "json that is none",
    async (response) => [await refusal(() => response.json()), response.bodyUsed],
    chunked("{oops"),
  ),
  reading("empty json", async (response) => refusal(() => response.json()), chunked()),
  reading(
    "empty text",
    async (response) => [await response.text(), response.bodyUsed, response.body === null],
    chunked(),
  ),
  reading("text with a byte order mark", async (response) => response.text(), chunked("\ufefftext")),
  reading("json with a byte order mark", async (response) => response.json(), chunked('\ufeff{"a":1}')),
  reading("broken UTF-8", async (response) => response.text(), chunked(Buffer.from([0x61, 0xff, 0x62]))),
  reading("read twice", async (response) => {
    await response.text();
    return [
      await attempt(() => response.text()),
      await attempt(() => response.json()),
      await attempt(() => response.arrayBuffer()),
      await attempt(() => response.blob()),
    ];
  }),
  reading("read twice at once", async (response) => {
    const [first, second] = await Promise.allSettled([response.text(), response.text()]);
    return [first.status, second.status];
  }),
  reading("cloned after being read", async (response) => {
    await response.text();
    return refusal(() => response.clone());
  }),
  reading("cloned while being read", async (response) => {
    const reader = response.body?.getReader();
    const outcome = await refusal(() => response.clone());
    reader?.releaseLock();
    return [outcome, response.bodyUsed, await response.text()];
  }),
  reading("clone", async (response) => {
    const copy = response.clone();
    return [facts(copy), await copy.text(), response.bodyUsed, copy.bodyUsed, await response.json()];
  }),
  reading("clone of a clone", async (response) => {
    const copy = response.clone().clone();
    return [facts(copy), await copy.text()];
  }),
  reading(
    "clone of a stream",
    async (response) => {
      const copy = response.clone();
      return Promise.all([viaReader(response), viaIteration(copy)]);
    },
    chunked("a", "b", "c", "d"),
  ),
  reading("the headers of a clone", async (response) => {
    const copy = response.clone();
    return [copy.headers === response.headers, await refusal(() => copy.headers.set("x-a", "1"))];
  }),
  reading("tee", async (response) => {
    const [left, right] = response.body?.tee() ?? [];
    return [await new Response(left).text(), await new Response(right).text(), response.bodyUsed];
  }),
  reading("made into another response", async (response) => {
    const other = new Response(response.body, response);
    return [other.status, other.headers.get("content-type"), await other.text(), response.bodyUsed];
  }),
  reading("piped through a transform", async (response) => {
    const text = response.body?.pipeThrough(
      new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>,
    );
    let all = "";
    for await (const piece of text as unknown as AsyncIterable<string>) all += piece;
    return all;
  }),
  reading("body is the same each time", async (response) => {
    const { body } = response;
    return body === response.body;
  }),
  reading("body cancelled", async (response) => {
    await response.body?.cancel("enough");
    return [response.bodyUsed, await refusal(() => response.text())];
  }),
  reading("bodyUsed after looking at body", async (response) => {
    const { body } = response;
    return [response.bodyUsed, body?.locked, await response.text(), body?.locked];
  }),
  reading("its class", async (response) => [
    response.constructor.name,
    Object.prototype.toString.call(response),
    Object.keys(response),
    JSON.stringify(response),
    typeof response.text,
  ]),
  reading("members cannot be set", async (response) => [
    await refusal(() => Object.assign(response, { status: 500 })),
    response.status,
    await refusal(() => Object.assign(response, { url: "https://x.example/" })),
  ]),
  reading("methods on something else", async (response) => {
    const { text, clone } = response;
    return [await refusal(() => text.call({} as Response)), await refusal(() => clone.call({} as Response))];
  }),
  reading(
    "null body: every reader",
    async (response) => [
      response.body,
      await response.clone().text(),
      (await response.clone().arrayBuffer()).byteLength,
      (await response.clone().blob()).size,
      await refusal(() => response.clone().json()),
      response.bodyUsed,
      await response.text(),
      response.bodyUsed,
      await response.text(),
    ],
    withStatus(204),
  ),
];

const coded =
  (coding: string, bytes: Uint8Array, type = "application/json"): Answer =>
  (_request, response) => {
    response.writeHead(200, { "content-type": type, "content-encoding": coding });
    response.end(bytes);
  };

const garbage = Buffer.from("this is not compressed at all");
const gzipped = gzipSync(TEXT);

export const CODING_OPERATIONS: readonly Operation[] = [
  answering("coding: gzip", coded("gzip", gzipped)),
  answering("coding: x-gzip", coded("x-gzip", gzipped)),
  answering("coding: GZIP in capitals", coded("GZIP", gzipped)),
  answering("coding: deflate", coded("deflate", deflateSync(TEXT))),
  answering("coding: raw deflate", coded("deflate", deflateRawSync(TEXT))),
  answering("coding: br", coded("br", brotliCompressSync(TEXT))),
  answering("coding: deflate, gzip", coded("deflate, gzip", gzipSync(deflateSync(TEXT)))),
  answering("coding: gzip, gzip, gzip", coded("gzip, gzip, gzip", gzipSync(gzipSync(gzipped)))),
  answering("coding: gzip,br without a blank", coded("gzip,br", brotliCompressSync(gzipped))),
  answering("coding: identity", coded("identity", Buffer.from(TEXT))),
  answering("coding: unknown", coded("x-mystery", garbage, "application/octet-stream")),
  answering("coding: gzip, unknown", coded("gzip, x-mystery", garbage, "application/octet-stream")),
  answering("coding: empty header", coded("", Buffer.from(TEXT))),
  answering("coding: an empty gzip body", coded("gzip", gzipSync(""))),
  answering("coding: gzip with no bytes", coded("gzip", Buffer.alloc(0))),
  answering("coding: br with no bytes", coded("br", Buffer.alloc(0))),
  answering("coding: gzip that is none", coded("gzip", garbage)),
  answering("coding: deflate that is none", coded("deflate", garbage)),
  answering("coding: br that is none", coded("br", garbage)),
  answering("coding: gzip cut short", coded("gzip", gzipped.subarray(0, gzipped.length - 6))),
  answering("coding: gzip with bytes behind it", coded("gzip", Buffer.concat([gzipped, Buffer.from("trailing")]))),
  answering(
    "coding: two gzip members",
    coded("gzip", Buffer.concat([gzipSync("one "), gzipSync("two")]), "text/plain"),
  ),
  answering("coding: six of them", coded("gzip, gzip, gzip, gzip, gzip, gzip", garbage)),
  answering("coding: gzip with a length", (_request, response) => {
    response.writeHead(200, {
      "content-type": "application/json",
      "content-encoding": "gzip",
      "content-length": gzipped.length,
    });
    response.end(gzipped);
  }),
  answering("coding: gzip on 404", (_request, response) => {
    response.writeHead(404, { "content-encoding": "gzip" });
    response.end(gzipped);
  }),
  answering("coding: gzip on 204", (_request, response) => {
    response.writeHead(204, { "content-encoding": "gzip" });
    response.end();
  }),
];

const digest = (algorithm: string, text = TEXT): string =>
  `${algorithm}-${createHash(algorithm).update(text).digest("base64")}`;

const checked = (name: string, integrity: string, answer: Answer = json): Operation => ({
  name: `integrity: ${name}`,
  answer,
  run: async (fetch, { a }) => whole(await fetch(`${a}/x`, { integrity })),
});

export const INTEGRITY_OPERATIONS: readonly Operation[] = [
  checked("sha256 that matches", digest("sha256")),
  checked("sha384 that matches", digest("sha384")),
  checked("sha512 that matches", digest("sha512")),
  checked("sha256 that does not match", digest("sha256", "other")),
  checked("sha512 that does not match", digest("sha512", "other")),
  checked("the strongest decides", `${digest("sha256")} ${digest("sha512", "other")}`),
  checked("the strongest decides, and matches", `${digest("sha256", "other")} ${digest("sha512")}`),
  checked("one of several", `${digest("sha256", "other")} ${digest("sha256")}`),
  checked("an unknown algorithm", "md5-abc"),
  checked("not a digest at all", "nonsense"),
  checked("with an option", `${digest("sha256")}?foo`),
  checked("of what was decoded", digest("sha256"), coded("gzip", gzipped)),
  checked("of an error answer", digest("sha256", "status 404"), withStatus(404)),
  checked("of a null body", digest("sha256", ""), withStatus(204)),
  {
    name: "integrity: a Request's",
    answer: json,
    run: async (fetch, { a }) => whole(await fetch(new Request(`${a}/x`, { integrity: digest("sha256", "other") }))),
  },
];

/** Reads of a body that breaks off in the middle. */
export const partial = async (fetch: Fetch, url: string, init?: RequestInit): Promise<unknown> => {
  const response = await fetch(url, init);
  const reader = response.body?.getReader();
  const first = await reader?.read();
  return [
    response.status,
    latin1(first?.value ?? new Uint8Array()),
    await attempt(() => reader?.read()),
    response.bodyUsed,
  ];
};
