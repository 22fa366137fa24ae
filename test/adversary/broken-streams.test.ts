import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { upstream } from "../transport/support.js";

// The rule: however a body ends, whoever waits for it is told: also where nobody reads, and where it had arrived already.

async function scene(
  respond: (response: ServerResponse, path: string) => void,
  masking: false | undefined = undefined,
) {
  const { origin } = await upstream((request, response) => respond(response, request.url ?? ""));
  const made = await testGuard({
    policy: loopbackPolicy(origin, [{ id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**" }]),
    ...(masking === undefined ? {} : { masking }),
  });
  return { ...made, origin };
}

const errorOf = (promise: Promise<unknown> | undefined): Promise<unknown> =>
  (promise ?? Promise.resolve()).then(
    () => "no error",
    (error: unknown) => error,
  );

/** Once what was written is on its way. */
const breakOff = (response: ServerResponse): void => void response.write("and ", () => response.destroy());

const LONG = "x".repeat(200_000);

/** Bodies that begin, and a way to break them off. */
const BODIES: readonly (readonly [string, (response: ServerResponse) => void])[] = [
  ["a body of unknown length", (response) => void response.write("the beginning ")],
  [
    "a short body of a stated length",
    (response) => void response.writeHead(200, { "content-length": "100" }).write("the beginning "),
  ],
  [
    "a long body of a stated length",
    (response) => void response.writeHead(200, { "content-length": "1000000" }).write("the beginning "),
  ],
  ["a good deal of it", (response) => void response.write(LONG.slice(0, 30_000))],
  [
    "a compressed body",
    (response) => {
      response.setHeader("content-encoding", "gzip");
      response.write(gzipSync(LONG + Math.random()).subarray(0, 150));
    },
  ],
  ["nothing but a header", (response) => response.flushHeaders()],
];

describe.each([
  ["masked", undefined],
  ["as it is", false],
] as const)("a body, %s, whose connection breaks while nobody reads it", (_how, masking) => {
  it.each(BODIES)(
    "%s: rejects `closed` and every later read, and the record says that it broke off",
    async (_what, begin) => {
      const responses: ServerResponse[] = [];
      const { session, origin, directory } = await scene((response) => {
        response.setHeader("content-type", "text/plain");
        responses.push(response);
        begin(response);
      }, masking);
      const call = session.fetch(`${origin}/a`);
      while (responses.length === 0) await nextTurn();
      // A short body is waited for, and a body that stops is given up after a second: here it breaks before.
      const isShort = responses[0]?.getHeader("content-length") === "100";
      if (isShort) breakOff(responses[0] as ServerResponse);
      const response = await call;
      const reader = response.body?.getReader();
      const closed = errorOf(reader?.closed);
      responses[0]?.destroy();
      expect(await closed).toMatchObject({ name: "TypeError", message: "terminated" });
      expect(await errorOf(reader?.read())).toMatchObject({ message: "terminated" });
      expect(recordedEvents(directory).filter(({ type }) => type === "request.failed")).toHaveLength(1);
    },
  );

  it.each(BODIES)("%s: fails a read that is under way, once", async (_what, begin) => {
    const responses: ServerResponse[] = [];
    const { session, origin, directory } = await scene((response) => {
      response.setHeader("content-type", "text/plain");
      responses.push(response);
      begin(response);
      if (response.getHeader("content-length") === "100") breakOff(response);
    }, masking);
    const response = await session.fetch(`${origin}/a`);
    const reading = errorOf(response.text());
    await nextTurn();
    responses[0]?.destroy();
    expect(await reading).toMatchObject({ name: "TypeError", message: "terminated" });
    expect(recordedEvents(directory).filter(({ type }) => type === "request.failed")).toHaveLength(1);
  });
});

it("what has arrived and waits for its reader is read before the fault behind it, where the peer was made to wait", async () => {
  const responses: ServerResponse[] = [];
  const { session, origin } = await scene((response) => {
    responses.push(response);
    response.write(LONG, () => response.destroy());
  }, false);
  const reader = (await session.fetch(`${origin}/a`)).body?.getReader();
  let size = 0;
  const reading = (async () => {
    for (let read = await reader?.read(); read?.done === false; read = await reader?.read())
      size += read.value.byteLength;
  })();
  expect(await errorOf(reading)).toMatchObject({ message: "terminated" });
  expect(size).toBeLessThanOrEqual(LONG.length);
  expect(await errorOf(reader?.closed)).toMatchObject({ message: "terminated" });
});

it("a body that ends as it should closes its stream, also where it is read late", async () => {
  const { session, origin } = await scene((response) => void response.end(LONG));
  const response = await session.fetch(`${origin}/a`);
  for (let turn = 0; turn < 50; turn++) await nextTurn();
  const reader = response.body?.getReader();
  let size = 0;
  for (let read = await reader?.read(); read?.done === false; read = await reader?.read())
    size += read.value.byteLength;
  expect(size).toBe(LONG.length);
  await reader?.closed;
});

const METHODS: readonly (readonly [string, (response: Response) => Promise<unknown>])[] = [
  ["text", (response) => response.text()],
  ["json", (response) => response.json()],
  ["arrayBuffer", (response) => response.arrayBuffer()],
  ["bytes", (response) => (response as Response & { bytes(): Promise<Uint8Array> }).bytes()],
  ["blob", (response) => response.blob()],
  ["formData", (response) => response.formData()],
];

const TYPES: Readonly<Record<string, readonly [string, string]>> = {
  json: ["application/json", '{"a":1}'],
  formData: ["application/x-www-form-urlencoded", "a=1"],
};

describe("a response that has arrived", () => {
  it.each(METHODS)("rejects %s() that was begun before the abort, with its reason", async (name, read) => {
    const [type, text] = TYPES[name] ?? ["text/plain", "hello"];
    const { session, origin } = await scene((response, path) => {
      response.setHeader("content-type", type);
      if (path === "/flowing") {
        response.write(text);
        setImmediate(() => response.end());
      } else response.writeHead(200, { "content-length": String(text.length) }).end(text);
    });
    for (const path of ["/whole", "/flowing"]) {
      const controller = new AbortController();
      const reason = new Error("enough");
      const response = await session.fetch(origin + path, { signal: controller.signal });
      const reading = errorOf(read(response));
      controller.abort(reason);
      expect(await reading).toBe(reason);
      expect(response.bodyUsed).toBe(true);
      const again = await session.fetch(origin + path, { signal: new AbortController().signal });
      expect(await errorOf(read(again))).toBe("no error");
    }
  });

  it.each(METHODS.slice(4))(
    "rejects %s(), which reads a stream, also where it is reading when the abort comes",
    async (name, read) => {
      const [type, text] = TYPES[name] ?? ["text/plain", "hello"];
      const { session, origin } = await scene((response) => {
        response.writeHead(200, { "content-type": type, "content-length": String(text.length) }).end(text);
      });
      for (let microtasks = 1; microtasks < 5; microtasks++) {
        const controller = new AbortController();
        const reason = new Error("enough");
        const response = await session.fetch(origin, { signal: controller.signal });
        const reading = errorOf(read(response));
        for (let passed = 0; passed < microtasks; passed++) await undefined;
        controller.abort(reason);
        expect(await reading).toBe(reason);
      }
    },
  );

  it.each(METHODS)("gives what %s() had read before an abort that comes later", async (name, read) => {
    const [type, text] = TYPES[name] ?? ["text/plain", "hello"];
    const { session, origin } = await scene((response) => {
      response.writeHead(200, { "content-type": type, "content-length": String(text.length) }).end(text);
    });
    const controller = new AbortController();
    const response = await session.fetch(origin, { signal: controller.signal });
    expect(await errorOf(read(response))).toBe("no error");
    controller.abort();
  });
});
