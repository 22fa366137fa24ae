import { createHash } from "node:crypto";
import type { Answer } from "./lab.js";
import type { Operation } from "./observe.js";
import { partial } from "./operations-responses.js";

/** What the fetch tests of other projects tried and this table had not. */

type Init = RequestInit & { readonly duplex?: "half" };

const sha256 = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

/** The kind of error that a program sees; the cause is the guard's own where it is a refusal. */
const kindOf = (error: unknown): unknown => [
  (error as Error).name,
  error instanceof TypeError,
  (error as Error).message,
];

const inline = (name: string, url: () => string, init: Init): Operation => ({
  name: `inline: ${name}`,
  run: async (fetch) => {
    const response = await fetch(url(), init);
    return [response.status, response.headers.get("content-range"), await response.text()];
  },
});

const blobOf = (text: string) => (): string => URL.createObjectURL(new Blob([text]));

const INLINE: readonly Operation[] = [
  inline("a data URL with its digest", () => "data:,x", { integrity: sha256("x") }),
  inline("a data URL with another digest", () => "data:,x", { integrity: sha256("y") }),
  inline("a blob with another digest", blobOf("x"), { integrity: sha256("y") }),
  inline("a part of a blob", blobOf("abcdef"), { headers: { range: "bytes=1-3" } }),
  inline("the end of a blob", blobOf("abcdef"), { headers: { range: "bytes=-2" } }),
  inline("a part of a blob that it does not have", blobOf("abcdef"), { headers: { range: "bytes=7-9" } }),
];

/** Promises a hundred bytes, sends four, and goes. No text: the end of a word would be waited for, to be masked. */
const breaksOff: Answer = (_request, response) => {
  response.writeHead(200, { "content-type": "image/x-thing", "content-length": "100" });
  response.write("half");
  setTimeout(() => response.socket?.destroy(), 20);
};

/** Says how long its answer is, and sends it when it is asked for something else. */
const thinking = (): Answer => {
  let finish = (): void => {};
  return (request, response) => {
    if (request.url !== "/x") {
      response.end();
      return finish();
    }
    response.writeHead(200, { "content-type": "image/x-thing", "content-length": "4" });
    response.flushHeaders();
    finish = () => void response.end("done");
  };
};

const LATE: readonly Operation[] = [
  {
    name: "late: an answer is there before its body, however short that is",
    run: async (fetch, lab) => {
      lab.reset(thinking());
      const response = await fetch(`${lab.a}/x`);
      await fetch(`${lab.a}/go-on`);
      return [response.status, await response.text(), response.bodyUsed];
    },
  },
  {
    name: "late: an answer is broken off before its body comes",
    run: async (fetch, lab) => {
      lab.reset(thinking());
      const broken = new AbortController();
      const response = await fetch(`${lab.a}/x`, { signal: broken.signal });
      const reading = response.text();
      broken.abort();
      return reading.catch((error: unknown) => (error as Error).name);
    },
  },
  {
    name: "late: an answer is given up before its body comes",
    run: async (fetch, lab) => {
      lab.reset(thinking());
      const response = await fetch(`${lab.a}/x`);
      await response.body?.cancel();
      return [response.bodyUsed, (await fetch(`${lab.a}/go-on`)).status];
    },
  },
];

const BROKEN: readonly Operation[] = [
  {
    name: "fault: what had arrived of a short body before it broke off",
    answer: breaksOff,
    run: async (fetch, { a }) => partial(fetch, `${a}/x`),
  },
  {
    name: "fault: a clone of what had arrived of a short body",
    answer: breaksOff,
    run: async (fetch, { a }) => {
      const response = await fetch(`${a}/x`);
      return Promise.all([response, response.clone()].map((one) => one.text().catch(kindOf)));
    },
  },
  {
    name: "integrity: of a body that breaks off",
    answer: breaksOff,
    run: async (fetch, { a }) => fetch(`${a}/x`, { integrity: sha256("half") }),
  },
];

const answersFrom =
  (places: Readonly<Record<string, (request: { a: string; b: string }) => string>>): Operation["run"] =>
  async (fetch, lab) => {
    lab.reset((request, response) => {
      const location = places[request.url ?? ""]?.(lab);
      if (location === undefined) return void response.end("here");
      response.writeHead(302, { location });
      response.end();
    });
    const response = await fetch(`${lab.a}/from`);
    return [response.type, response.url, response.redirected, await response.text()];
  };

const REDIRECTED: readonly Operation[] = [
  {
    name: "redirect: to another origin and back",
    run: answersFrom({ "/from": ({ b }) => `${b}/over`, "/over": ({ a }) => `${a}/to` }),
  },
  {
    name: "redirect: to another origin and on",
    run: answersFrom({ "/from": ({ b }) => `${b}/over`, "/over": ({ b }) => `${b}/to` }),
  },
  ...[
    "data:,x",
    "about:blank",
    "mailto:ada@acme.example",
    "ftp://elsewhere.example/",
    "http://ada:pw@127.0.0.1:1/",
  ].map(
    (location): Operation => ({
      name: `redirect: the kind of error for ${location}`,
      run: async (fetch, lab) => answersFrom({ "/from": () => location })(fetch, lab).catch(kindOf),
    }),
  ),
];

/** The fields of a request in their order, without values: those say who sends. */
const named: Answer = (request, response) => {
  response.end(JSON.stringify(request.rawHeaders.filter((_, index) => index % 2 === 0)));
};

const ordered = (name: string, init: Init): Operation => ({
  name: `headers: in order, ${name}`,
  answer: named,
  run: async (fetch, { a }) => (await fetch(`${a}/x`, init)).json(),
});

const SENT: readonly Operation[] = [
  ordered("of a plain call", {}),
  ordered("with no cache", { cache: "no-store" }),
  ordered("with a checked cache", { cache: "no-cache", method: "POST" }),
  ordered("of a condition", { headers: { "if-none-match": '"1"' } }),
  ordered("of a range", { headers: { range: "bytes=0-1" } }),
];

/** Where undici, Node's and npm's, keeps what `setGlobalOrigin` is given. */
const BASE = Symbol.for("undici.globalOrigin.1");

const based = (name: string, input: string): Operation => ({
  name: `base: ${name}`,
  run: async (fetch, { a }) => {
    Object.defineProperty(globalThis, BASE, { value: new URL(`${a}/some/where`), configurable: true });
    try {
      return [(await fetch(input, { referrerPolicy: "no-referrer" })).url];
    } finally {
      Reflect.deleteProperty(globalThis, BASE);
    }
  },
});

const BASED: readonly Operation[] = [
  based("a path", "/x"),
  based("a relative path", "there?y=1"),
  based("a parent", "../up"),
  based("a query", "?q"),
  based("nothing", ""),
];

export const FOUND_OPERATIONS: readonly Operation[] = [...INLINE, ...LATE, ...BROKEN, ...REDIRECTED, ...SENT, ...BASED];
