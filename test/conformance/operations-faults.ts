import type { Answer } from "./lab.js";
import { errorFacts, type Operation, whole } from "./observe.js";
import { partial } from "./operations-responses.js";

const hop =
  (status: number, location: string): Answer =>
  (request, response) => {
    if (!request.url?.startsWith("/from")) {
      response.setHeader("content-type", "text/plain");
      response.end(`arrived as ${request.method}`);
      return;
    }
    response.writeHead(status, { location, "content-type": "text/plain" });
    response.end("moved");
  };

const redirect = (name: string, status: number, location: string, init: RequestInit = {}): Operation => ({
  name: `redirect: ${name}`,
  answer: hop(status, location),
  run: async (fetch, { a }) => whole(await fetch(`${a}/from`, init)),
});

const STATUSES = [301, 302, 303, 307, 308];
const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

const acrossOrigins = (name: string, status: number, init: RequestInit): Operation => ({
  name: `redirect: ${name}`,
  run: async (fetch, lab) => {
    lab.reset((request, response) => {
      if (request.headers.host !== new URL(lab.a).host) {
        response.end("other origin");
        return;
      }
      response.writeHead(status, { location: `${lab.b}/to?q=1` });
      response.end();
    });
    return whole(await fetch(`${lab.a}/from`, init));
  },
});

export const REDIRECT_OPERATIONS: readonly Operation[] = [
  ...STATUSES.flatMap((status) =>
    METHODS.map((method) => redirect(`${status} after ${method}`, status, "/to", { method })),
  ),
  ...STATUSES.flatMap((status) =>
    ["POST", "PUT", "DELETE"].map((method) =>
      redirect(`${status} after ${method} with a body`, status, "/to", {
        method,
        body: '{"a":1}',
        headers: { "content-type": "application/json", "content-language": "de", "x-kept": "1" },
      }),
    ),
  ),
  ...STATUSES.flatMap((status) =>
    (["manual", "error"] as const).map((mode) => redirect(`${status} with ${mode}`, status, "/to", { redirect: mode })),
  ),
  ...[300, 304, 305, 306].map((status) => redirect(`${status} is none`, status, "/to")),
  redirect("relative", 302, "to/here?x=1"),
  redirect("to a parent", 302, "./to"),
  redirect("with a query", 302, "/to?x=1&y=%20"),
  redirect("with a fragment", 302, "/to#part"),
  redirect("with an empty location", 302, ""),
  redirect("to another scheme", 302, "ftp://elsewhere.example/"),
  redirect("to a data URL", 302, "data:,x"),
  redirect("to no URL", 302, "http://"),
  redirect("to text beyond ASCII", 302, Buffer.from("/café").toString("latin1")),
  redirect("to escapes", 302, "/caf%C3%A9"),
  {
    name: "redirect: keeps the fragment to itself",
    answer: hop(302, "/to"),
    run: async (fetch, { a }) => whole(await fetch(`${a}/from#mine`)),
  },
  {
    name: "redirect: several in a row",
    answer: (request, response) => {
      const left = Number(request.url?.slice(2) ?? 0);
      response.writeHead(left > 0 ? 302 : 200, left > 0 ? { location: `/n${left - 1}` } : {});
      response.end();
    },
    run: async (fetch, { a }) => whole(await fetch(`${a}/n5`)),
  },
  {
    name: "redirect: twenty in a row",
    answer: (request, response) => {
      const left = Number(request.url?.slice(2) ?? 0);
      response.writeHead(left > 0 ? 302 : 200, left > 0 ? { location: `/n${left - 1}` } : {});
      response.end();
    },
    run: async (fetch, { a }) => whole(await fetch(`${a}/n20`)),
  },
  {
    name: "redirect: POST, 303, then 307",
    answer: (request, response) => {
      const next = { "/one": [303, "/two"], "/two": [307, "/three"] }[request.url ?? ""];
      response.writeHead(Number(next?.[0] ?? 200), next === undefined ? {} : { location: String(next[1]) });
      response.end();
    },
    run: async (fetch, { a }) => whole(await fetch(`${a}/one`, { method: "POST", body: "x" })),
  },
  {
    name: "redirect: a stream cannot be sent again",
    answer: hop(307, "/to"),
    run: async (fetch, { a }) => {
      const init = { method: "POST", body: new Blob(["x"]).stream(), duplex: "half" };
      return whole(await fetch(`${a}/from`, init as RequestInit));
    },
  },
  {
    name: "redirect: a stream need not be sent again after 303",
    answer: hop(303, "/to"),
    run: async (fetch, { a }) => {
      const init = { method: "POST", body: new Blob(["x"]).stream(), duplex: "half" };
      return whole(await fetch(`${a}/from`, init as RequestInit));
    },
  },
  {
    name: "redirect: a form is sent again",
    answer: hop(307, "/to"),
    run: async (fetch, { a }) => whole(await fetch(`${a}/from`, { method: "POST", body: new URLSearchParams("a=1") })),
  },
  {
    name: "redirect: a clone of the answer knows where it is from",
    answer: hop(302, "/to"),
    run: async (fetch, { a }) => whole((await fetch(`${a}/from`)).clone()),
  },
  {
    name: "redirect: manual, and its body can be read",
    answer: hop(302, "/to"),
    run: async (fetch, { a }) => {
      const response = await fetch(`${a}/from`, { redirect: "manual" });
      return [response.headers.get("location"), response.type, await response.text()];
    },
  },
  ...STATUSES.map((status) =>
    acrossOrigins(`${status} to another origin`, status, {
      method: "POST",
      body: "x",
      headers: { accept: "text/csv", "accept-language": "de", "content-type": "text/csv" },
    }),
  ),
  acrossOrigins("to another origin, with mode same-origin", 302, { mode: "same-origin" }),
  acrossOrigins("to another origin, with credentials include", 302, { credentials: "include" }),
];

const never: Answer = () => undefined;
/** An answer that begins and does not end. A complete event is passed on at once; half a word waits for its end. */
const startsOnly: Answer = (_request, response) => {
  response.writeHead(200, { "content-type": "text/event-stream" });
  response.write("data: first\n\n");
};
const lateAbort =
  (controller: AbortController, reason?: unknown): Answer =>
  () =>
    controller.abort(reason);

const own = new RangeError("a reason of one's own");

const isSame = async (work: Promise<unknown>, reason: unknown): Promise<unknown> =>
  work.then(
    () => "no error",
    (error: unknown) => [error === reason, errorFacts(error)],
  );

export const ABORT_OPERATIONS: readonly Operation[] = [
  {
    name: "abort: before the call",
    run: async (fetch, { a }) => whole(await fetch(`${a}/x`, { signal: AbortSignal.abort() })),
  },
  ...[own, "text", 0, null, { an: "object" }].map((reason) => ({
    name: `abort: before the call, with ${JSON.stringify(reason)} as reason`,
    run: async (fetch: typeof globalThis.fetch, { a }: { a: string }) =>
      isSame(fetch(`${a}/x`, { signal: AbortSignal.abort(reason) }), reason),
  })),
  {
    name: "abort: at once after the call",
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const answer = fetch(`${a}/x`, { signal: controller.signal });
      controller.abort(own);
      return isSame(answer, own);
    },
  },
  {
    name: "abort: while the answer is waited for",
    run: async (fetch, lab) => {
      const controller = new AbortController();
      lab.reset(lateAbort(controller));
      return whole(await fetch(`${lab.a}/x`, { signal: controller.signal }));
    },
  },
  {
    name: "abort: while the answer is waited for, with a reason",
    run: async (fetch, lab) => {
      const controller = new AbortController();
      lab.reset(lateAbort(controller, own));
      return isSame(fetch(`${lab.a}/x`, { signal: controller.signal }), own);
    },
  },
  {
    name: "abort: by the signal of a Request",
    run: async (fetch, lab) => {
      const controller = new AbortController();
      lab.reset(lateAbort(controller, own));
      return isSame(fetch(new Request(`${lab.a}/x`, { signal: controller.signal })), own);
    },
  },
  {
    name: "abort: options override the signal of a Request",
    run: async (fetch, { a }) =>
      whole(await fetch(new Request(`${a}/x`, { signal: AbortSignal.abort() }), { signal: null })),
  },
  {
    name: "abort: in the body, by a reader",
    answer: startsOnly,
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      const reader = response.body?.getReader();
      await reader?.read();
      controller.abort(own);
      return isSame(reader?.read() ?? Promise.resolve(), own);
    },
  },
  {
    name: "abort: in the body, by text()",
    answer: startsOnly,
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      const text = response.text();
      controller.abort(own);
      return isSame(text, own);
    },
  },
  {
    name: "abort: between answer and text()",
    answer: startsOnly,
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      controller.abort(own);
      return isSame(response.text(), own);
    },
  },
  {
    name: "abort: after the body was read changes nothing",
    run: async (fetch, { a }) => {
      const controller = new AbortController();
      const response = await fetch(`${a}/x`, { signal: controller.signal });
      const text = await response.text();
      controller.abort(own);
      return [text, response.bodyUsed];
    },
  },
  {
    name: "abort: a time-out while the answer is waited for",
    answer: never,
    run: async (fetch, { a, arrived }) => {
      const error = await fetch(`${a}/x`, { signal: AbortSignal.timeout(20) }).catch(errorFacts);
      arrived.length = 0; // a slow machine may be late to ask
      return error;
    },
  },
  {
    name: "abort: a time-out in the body",
    answer: startsOnly,
    run: async (fetch, { a }) => (await fetch(`${a}/x`, { signal: AbortSignal.timeout(60) })).text(),
  },
  {
    name: "abort: any of several signals",
    run: async (fetch, lab) => {
      const controller = new AbortController();
      lab.reset(lateAbort(controller, own));
      const signal = AbortSignal.any([controller.signal, new AbortController().signal]);
      return isSame(fetch(`${lab.a}/x`, { signal }), own);
    },
  },
  {
    name: "abort: an upload is cancelled",
    run: async (fetch, lab) => {
      const controller = new AbortController();
      let isCancelled = false;
      const body = new ReadableStream({
        pull: (stream) => {
          stream.enqueue(new Uint8Array(10));
          controller.abort(own);
          return new Promise(() => undefined);
        },
        cancel: () => {
          isCancelled = true;
        },
      });
      lab.reset(never);
      const init = { method: "POST", body, duplex: "half", signal: controller.signal } as RequestInit;
      const outcome = await isSame(fetch(`${lab.a}/x`, init), own);
      return [outcome, isCancelled];
    },
  },
];

const cutOff =
  (head: string): Answer =>
  (_request, response) => {
    response.socket?.write(head, () => response.socket?.destroy());
  };

const fault = (name: string, answer: Answer, init?: RequestInit): Operation => ({
  name: `fault: ${name}`,
  answer,
  run: async (fetch, { a }) => whole(await fetch(`${a}/x`, init)),
});

export const FAULT_OPERATIONS: readonly Operation[] = [
  {
    name: "fault: nobody listens",
    run: async (fetch, { closed }) => whole(await fetch(`${closed}/x`)),
  },
  fault("the connection closes before the answer", (_request, response) => response.socket?.destroy()),
  fault("the connection closes before the answer to a POST", (_request, response) => response.socket?.destroy(), {
    method: "POST",
    body: "x",
  }),
  fault("the connection closes within the headers", cutOff("HTTP/1.1 200 OK\r\ncontent-le")),
  fault("the connection closes within the body", cutOff("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npartial")),
  fault(
    "the connection closes within a chunked body",
    cutOff("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nparti"),
  ),
  fault("the connection is reset", (_request, response) => response.socket?.resetAndDestroy()),
  {
    name: "fault: a body that breaks off, by a reader",
    answer: (_request, response) => {
      startsOnly(_request, response, Buffer.alloc(0));
      setTimeout(() => response.socket?.destroy(), 20);
    },
    run: async (fetch, { a }) => partial(fetch, `${a}/x`),
  },
  fault("the answer is no HTTP", (_request, response) => response.socket?.end("SSH-2.0-OpenSSH\r\n")),
  fault("the length is no number", (_request, response) =>
    response.socket?.end("HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\nhi"),
  ),
  fault("a chunk's size is no number", (_request, response) =>
    response.socket?.end("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nhi"),
  ),
  fault("headers that are too large", (_request, response) =>
    response.socket?.end(`HTTP/1.1 200 OK\r\nx-a: ${"x".repeat(70_000)}\r\ncontent-length: 0\r\n\r\n`),
  ),
  fault("an upgrade nobody asked for", (_request, response) =>
    response.socket?.end("HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n"),
  ),
  fault("proxy authentication", (_request, response) => {
    response.writeHead(407, { "content-type": "text/plain" });
    response.end("who are you");
  }),
  fault("421", (_request, response) => {
    response.writeHead(421, { "content-type": "text/plain" });
    response.end("not here");
  }),
];

/** What an agent may not do, and how it learns that. */
export const DENIED_OPERATIONS: readonly Operation[] = [
  {
    name: "denied: an authorization of the agent's own",
    run: async (fetch, { a }) => whole(await fetch(`${a}/x`, { headers: { authorization: "Bearer mine" } })),
  },
  {
    name: "denied: a cookie of the agent's own",
    run: async (fetch, { a }) => whole(await fetch(`${a}/x`, { headers: { cookie: "a=1" } })),
  },
  {
    name: "denied: x-forwarded-for",
    run: async (fetch, { a }) => whole(await fetch(`${a}/x`, { headers: { "x-forwarded-for": "10.0.0.1" } })),
  },
  {
    name: "denied: a method override",
    run: async (fetch, { a }) =>
      whole(await fetch(`${a}/x`, { method: "POST", headers: { "x-http-method-override": "DELETE" } })),
  },
  { name: "denied: dot segments", run: async (fetch, { a }) => whole(await fetch(`${a}/a/../b`)) },
  { name: "denied: an encoded slash twice over", run: async (fetch, { a }) => whole(await fetch(`${a}/a%252Fb`)) },
  { name: "denied: white space around a URL", run: async (fetch, { a }) => whole(await fetch(` ${a}/x `)) },
  { name: "denied: another method", run: async (fetch, { a }) => whole(await fetch(`${a}/x`, { method: "PURGE" })) },
  {
    name: "denied: a length that is not the body's",
    run: async (fetch, { a }) =>
      whole(await fetch(`${a}/x`, { method: "POST", body: "four", headers: { "content-length": "5" } })),
  },
  {
    name: "denied: an API key across origins",
    run: async (fetch, lab) => {
      lab.reset((request, response) => {
        const isFirst = request.headers.host === new URL(lab.a).host;
        response.writeHead(isFirst ? 302 : 200, isFirst ? { location: `${lab.b}/` } : {});
        response.end();
      });
      return whole(await fetch(`${lab.a}/x`, { headers: { "x-api-key": "k" } }));
    },
  },
  {
    name: "denied: 21 redirects",
    answer: (request, response) => {
      const left = Number(request.url?.slice(2) ?? 0);
      response.writeHead(left > 0 ? 302 : 200, left > 0 ? { location: `/n${left - 1}` } : {});
      response.end();
    },
    run: async (fetch, { a }) => whole(await fetch(`${a}/n21`)),
  },
  {
    name: "denied: a sensitive value in an answer",
    answer: (_request, response) => {
      response.setHeader("content-type", "application/json");
      response.end('{"card":"4111 1111 1111 1111"}');
    },
    run: async (fetch, { a }) => (await fetch(`${a}/x`)).json(),
  },
  {
    name: "denied: a header of the guard's own",
    answer: (_request, response) => {
      response.setHeader("x-sallyport-code", "RULE_DENY");
      response.end();
    },
    run: async (fetch, { a }) => whole(await fetch(`${a}/x`)),
  },
  {
    name: "denied: an etag of what flows masked",
    answer: (_request, response) => {
      response.writeHead(200, { etag: '"v1"', "content-type": "text/plain" });
      response.write("a ");
      response.end("b");
    },
    run: async (fetch, { a }) => whole(await fetch(`${a}/x`)),
  },
];
