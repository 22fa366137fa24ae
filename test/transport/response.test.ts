import { getEventListeners } from "node:events";
import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { type BodySource, buildResponse, createFetchTransport, type ResponseParts } from "../../src/transport/index.js";
import { calm, hop, later, readText, until, upstream } from "./support.js";

/** A source over fixed chunks that notes how it was used. */
function sourceOf(
  ...chunks: readonly (string | Uint8Array | Error)[]
): BodySource & { reads: number; cancelled: unknown[] } {
  const left = [...chunks];
  return {
    reads: 0,
    cancelled: [],
    async read() {
      this.reads++;
      const next = left.shift();
      if (next instanceof Error) throw next;
      return typeof next === "string" ? new TextEncoder().encode(next) : (next ?? null);
    },
    cancel(reason) {
      this.cancelled.push(reason);
    },
  };
}

const parts = (body: BodySource | null, more: Partial<ResponseParts> = {}): ResponseParts => ({
  status: 200,
  statusText: "OK",
  headers: [["content-type", "application/json"]],
  url: "https://crm.example/api?x=1",
  redirected: false,
  body,
  ...more,
});

describe("a built response", () => {
  it("is a Response with what only fetch can set", () => {
    const response = buildResponse(parts(sourceOf("{}"), { redirected: true }));
    expect(response).toBeInstanceOf(Response);
    expect(Object.prototype.toString.call(response)).toBe("[object Response]");
    expect(response.constructor.name).toBe("Response");
    expect(response).toMatchObject({
      url: "https://crm.example/api?x=1",
      redirected: true,
      type: "basic",
      status: 200,
      ok: true,
      statusText: "OK",
      bodyUsed: false,
    });
    expect(inspect(response)).toContain("Response");
  });

  it.each(["text", "json", "arrayBuffer", "bytes", "blob", "formData"] as const)(
    "that was broken off when it was there already fails %s() before what is queued after it",
    async (reader) => {
      const broken = new AbortController();
      const body = new TextEncoder().encode("{}");
      const response = buildResponse({ ...parts(null), body, signal: broken.signal });
      broken.abort();
      const order: string[] = [];
      const failed = response[reader]().catch(() => order.push("failed"));
      await Promise.all([failed, Promise.resolve().then(() => order.push("queued"))]);
      expect(order).toEqual(["failed", "queued"]);
    },
  );

  it.each([
    ["text", (r: Response) => r.text(), '{"a":"€"}'],
    ["json", (r: Response) => r.json(), { a: "€" }],
    ["arrayBuffer", async (r: Response) => Buffer.from(await r.arrayBuffer()).toString(), '{"a":"€"}'],
    ["bytes", async (r: Response) => Buffer.from(await r.bytes()).toString(), '{"a":"€"}'],
    ["blob", async (r: Response) => (await r.blob()).text(), '{"a":"€"}'],
    ["body", async (r: Response) => new Response(r.body).text(), '{"a":"€"}'],
  ] as const)("is read whole by %s(), once", async (_name, read, expected) => {
    const bytes = new TextEncoder().encode('{"a":"€"}');
    const response = buildResponse(parts(sourceOf(bytes.slice(0, 7), new Uint8Array(0), bytes.slice(7))));
    const reading = read(response);
    expect(response.bodyUsed).toBe(true);
    expect(await reading).toEqual(expected);
    await expect(response.text()).rejects.toThrow(TypeError);
    expect(() => response.clone()).toThrow(TypeError);
  });

  it("gives its media type to blob() and formData()", async () => {
    expect((await buildResponse(parts(sourceOf("{}"))).blob()).type).toBe("application/json");
    const form = [["content-type", "application/x-www-form-urlencoded"]] as const;
    const response = buildResponse(parts(sourceOf("a=1&b=2"), { headers: form }));
    expect([...(await response.formData())]).toEqual([
      ["a", "1"],
      ["b", "2"],
    ]);
  });

  it("decodes text as fetch does: a byte order mark goes, broken UTF-8 is replaced", async () => {
    const bytes = Uint8Array.of(0xef, 0xbb, 0xbf, 0x61, 0xff, 0xe2, 0x82);
    const expected = await new Response(bytes).text();
    expect(await buildResponse(parts(sourceOf(bytes.slice()))).text()).toBe(expected);
    expect(await buildResponse(parts(sourceOf(bytes.slice(0, 2), bytes.slice(2)))).text()).toBe(expected);
  });

  it("that is not JSON rejects json() with a SyntaxError", async () => {
    await expect(buildResponse(parts(sourceOf("<html>"))).json()).rejects.toThrow(SyntaxError);
  });

  it("reads from its source only as it is read", async () => {
    const source = sourceOf("a", "b", "c");
    const response = buildResponse(parts(source));
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.reads).toBe(0);
    const reader = response.body!.getReader();
    await reader.read();
    await new Promise((resolve) => setImmediate(resolve));
    expect(source.reads).toBe(1);
    await reader.cancel("enough");
    expect(source.cancelled).toEqual(["enough"]);
  });

  it("has a byte stream, for readers that bring their own memory", async () => {
    const reader = buildResponse(parts(sourceOf("hello"))).body!.getReader({ mode: "byob" });
    const first = await reader.read(new Uint8Array(3));
    expect(Buffer.from(first.value!).toString()).toBe("hel");
    const second = await reader.read(new Uint8Array(3));
    expect(Buffer.from(second.value!).toString()).toBe("lo");
    expect((await reader.read(new Uint8Array(3))).done).toBe(true);
  });

  it("does not take away or show the memory around its chunks", async () => {
    const piece = new TextEncoder().encode("set-cookie: s3cret|body|more");
    const response = buildResponse(parts(sourceOf(piece.subarray(19, 23), piece.subarray(24))));
    const reader = response.body!.getReader();
    const { value } = await reader.read();
    expect(Buffer.from(value!.buffer).toString()).toBe("body");
    expect(Buffer.from((await reader.read()).value!).toString()).toBe("more");
    expect(piece.byteLength).toBe(28);
    const buffer = await buildResponse(parts(sourceOf(piece.subarray(19, 23)))).arrayBuffer();
    expect(Buffer.from(buffer).toString()).toBe("body");
  });

  it("breaks off with the error of its source", async () => {
    const error = new TypeError("terminated");
    await expect(buildResponse(parts(sourceOf("a", error))).text()).rejects.toBe(error);
    await expect(buildResponse(parts(sourceOf("a", error))).json()).rejects.toBe(error);
    const reader = buildResponse(parts(sourceOf("a", error))).body!.getReader();
    await reader.read();
    await expect(reader.read()).rejects.toBe(error);
  });

  it("keeps url, redirected, type and cookies in its clones, and both can be read", async () => {
    const headers = [
      ["set-cookie", "a=1"],
      ["set-cookie", "b=2, c"],
    ] as const;
    const response = buildResponse(parts(sourceOf("he", "llo"), { headers, redirected: true }));
    const copy = response.clone();
    const second = copy.clone();
    for (const each of [response, copy, second]) {
      expect(each).toMatchObject({ url: "https://crm.example/api?x=1", redirected: true, type: "basic" });
      expect(each).toBeInstanceOf(Response);
      expect(each.headers.getSetCookie()).toEqual(["a=1", "b=2, c"]);
    }
    expect(await Promise.all([response.text(), copy.text(), second.text()])).toEqual(["hello", "hello", "hello"]);
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  it("a locked body cannot be read, cloned or called unused once read from", async () => {
    const response = buildResponse(parts(sourceOf("a", "b")));
    const reader = response.body!.getReader();
    expect(response.bodyUsed).toBe(false);
    await expect(response.text()).rejects.toThrow(TypeError);
    expect(() => response.clone()).toThrow(TypeError);
    await reader.read();
    expect(response.bodyUsed).toBe(true);
    reader.releaseLock();
    await expect(response.text()).rejects.toThrow(TypeError);
  });

  it("body is the same stream each time, and one that is locked after text()", async () => {
    const response = buildResponse(parts(sourceOf("a")));
    expect(response.body).toBe(response.body);
    const read = buildResponse(parts(sourceOf("a")));
    await read.text();
    expect(read.body?.locked).toBe(true);
    expect(read.bodyUsed).toBe(true);
  });

  it("knows every way to read a body that this Node has: one it did not know would find nothing", () => {
    const ways = ["arrayBuffer", "blob", "body", "bodyUsed", "bytes", "clone", "formData", "json", "text"];
    const facts = ["constructor", "headers", "ok", "redirected", "status", "statusText", "type", "url"];
    const unknown = Object.getOwnPropertyNames(Response.prototype).filter(
      (name) => ![...ways, ...facts].includes(name),
    );
    expect(unknown).toEqual([]);
    const own = Object.getOwnPropertyNames(Object.getPrototypeOf(buildResponse(parts(null))));
    expect(own).toEqual(expect.arrayContaining(ways));
  });

  it.each([204, 205, 304])("a %i has no body", async (status) => {
    const response = buildResponse(parts(null, { status, statusText: "" }));
    expect(response.body).toBeNull();
    expect(response.bodyUsed).toBe(false);
    expect(await response.text()).toBe("");
    expect(response.clone().status).toBe(status);
  });

  it.each([600, 999])("passes on a status of %i, which fetch does and the constructor does not", (status) => {
    const response = buildResponse(parts(null, { status }));
    expect(response.status).toBe(status);
    expect(response.ok).toBe(false);
    expect(response.clone().status).toBe(status);
  });

  it("whose stream has failed does not go on watching a signal", async () => {
    const { signal } = new AbortController();
    const { body } = buildResponse(parts(sourceOf("x", new TypeError("terminated")), { signal }));
    const reader = body?.getReader();
    await reader?.read();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    await expect(reader?.read()).rejects.toThrow("terminated");
    expect(getEventListeners(signal, "abort")).toHaveLength(0);
  });

  it("that nobody can reach any more gives its connection back", async () => {
    const source = sourceOf("never read");
    (() => void buildResponse(parts(source)).body)();
    (() => void buildResponse(parts(source)))();
    const { setFlagsFromString } = await import("node:v8");
    const { runInNewContext } = await import("node:vm");
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    await until(() => {
      collect();
      return source.cancelled.length === 2;
    });
  });

  it("is not built from a global that was replaced after load", () => {
    const original = globalThis.Response;
    later(() => {
      globalThis.Response = original;
    });
    globalThis.Response = class {} as typeof Response;
    expect(buildResponse(parts(sourceOf("x")))).toBeInstanceOf(original);
  });
});

describe("the transport over somebody's fetch", () => {
  it("looks Node's fetch up at each call, so that an interceptor installed later sees it", async () => {
    const sender = createFetchTransport(globalThis.fetch).connections();
    const original = globalThis.fetch;
    later(() => {
      globalThis.fetch = original;
    });
    globalThis.fetch = async (input, init) => new Response(`${init?.method} ${String(input)} ${init?.redirect}`);
    const { body } = await sender.send(hop("http://mocked.example/x?y=1", { method: "DELETE" }), calm());
    expect(await readText(body)).toBe("DELETE http://mocked.example/x?y=1 manual");
  });

  it("follows no redirect, sends the body, and decodes", async () => {
    const { origin } = await upstream((request, response) => {
      request.on("data", (bytes: Buffer) => response.setHeader("x-body", bytes.toString()));
      request.on("end", () => response.writeHead(302, { location: "/elsewhere" }).end("moved"));
    });
    const sender = createFetchTransport().connections();
    const response = await sender.send(hop(origin, { method: "POST", body: Buffer.from("abc") }), calm());
    expect(response.status).toBe(302);
    expect(response.headers).toContainEqual(["x-body", "abc"]);
    expect(response.headers).toContainEqual(["location", "/elsewhere"]);
    expect(await readText(response.body)).toBe("moved");
    expect(createFetchTransport().kind).toBe("fetch");
  });
});
