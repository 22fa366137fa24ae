import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import type { ApprovalRequest } from "../../src/approval/index.js";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";
import { BYTES_BY_WAY, type ChangingCall } from "./bodies.js";

/**
 * Rule: every body is copied by one snapshot, whatever object brought it. The bytes that arrive are the bytes that a predicate
 * judged and that an approver was shown, whatever becomes of the object meanwhile.
 */

async function scene() {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  let judged: Uint8Array | null = null;
  let shown: ApprovalRequest | undefined;
  let change = (): void => undefined;
  const rule = { id: "pay", effect: "approve", service: "api", methods: ["POST"], path: "/pay" } as const;
  const { session } = await testGuard({
    policy: loopbackPolicy(api.origin, [{ ...rule, predicates: { look: "deny" } }]),
    predicates: {
      look: async ({ body }) => {
        judged = body;
        change();
        return true;
      },
    },
    approvals: {
      prompts: { perSession: 100_000 },
      request: async (request, control) => {
        shown = request;
        change();
        return control.approve({ id: "grace", idp: "test" });
      },
    },
  });
  /** What arrives of a call whose body is changed at once, and whenever somebody has looked at it. */
  const arrived = async ([input, init]: ReturnType<ChangingCall["bring"]>, changing: () => void) => {
    change = changing;
    api.received.length = 0;
    const call = session.fetch(input as string, init as RequestInit);
    change();
    expect((await call).status).toBe(200);
    expect(api.received).toHaveLength(1);
    const { body, headers } = api.received[0] as Upstream["received"][number];
    expect(Buffer.from(judged ?? []).equals(body)).toBe(true);
    return { body, headers, shown: shown?.http.body };
  };
  const bytesOf = async ({ bring, change: changing }: ChangingCall): Promise<Buffer> => {
    const headers = { "content-type": "application/octet-stream" };
    const { body, shown: seen } = await arrived(bring(`${api.origin}/pay`, { method: "POST", headers }), changing);
    expect(seen).toMatchObject({ bytes: body.length, sha256: createHash("sha256").update(body).digest("hex") });
    return body;
  };
  return { api, session, arrived, bytesOf, url: `${api.origin}/pay` };
}

describe.each(Object.entries(BYTES_BY_WAY))("a body in %s", (_way, callWith) => {
  it("arrives as it was when the call was made, whatever is changed afterwards", async () => {
    const bytes = new TextEncoder().encode("pay 1 cent to one account");
    const call = callWith(bytes);
    const before = Buffer.from(bytes).toString("latin1");
    const { bytesOf } = await scene();
    expect((await bytesOf(call)).toString("latin1")).toBe(before);
  });
});

it("any body, brought in any way and changed at any time, arrives as it was judged and shown", async () => {
  const { bytesOf } = await scene();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...Object.keys(BYTES_BY_WAY)),
      fc.uint8Array({ minLength: 1, maxLength: 64 }),
      async (way, given) => {
        const bytes = new Uint8Array(given);
        const call = (BYTES_BY_WAY[way] as (of: Uint8Array<ArrayBuffer>) => ChangingCall)(bytes);
        const before = Buffer.from(bytes);
        expect((await bytesOf(call)).equals(before)).toBe(true);
      },
    ),
    { numRuns: 150 },
  );
});

it.each(Object.keys(BYTES_BY_WAY))("a body in %s that nobody looks into arrives as it was read", async (way) => {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const { session } = await testGuard({
    policy: loopbackPolicy(api.origin, [
      { id: "put", effect: "allow", service: "api", methods: ["POST"], path: "/pay" },
    ]),
  });
  const bytes = new TextEncoder().encode("pay 1 cent to one account");
  const { bring, change } = (BYTES_BY_WAY[way] as (of: Uint8Array<ArrayBuffer>) => ChangingCall)(bytes);
  const before = Buffer.from(bytes).toString("latin1");
  const [input, init] = bring(`${api.origin}/pay`, { method: "POST" });
  const call = session.fetch(input as string, init as RequestInit);
  change();
  expect((await call).status).toBe(200);
  expect(api.received[0]?.body.toString("latin1")).toBe(before);
});

describe("what is no body", () => {
  const refusals: readonly [string, () => unknown][] = [
    ["a stream that only inherits from one", () => Object.create(ReadableStream.prototype)],
    ["what calls itself a Blob, and has no stream", () => ({ [Symbol.toStringTag]: "Blob", size: 1 })],
    [
      "what calls itself a Blob, with another field of the head in its type",
      () => ({ [Symbol.toStringTag]: "Blob", type: "a/b\r\nx-evil: 1", stream: () => new Blob(["x"]).stream() }),
    ],
    ["a symbol", () => Symbol("x")],
  ];
  it.each(refusals)("%s is the caller's mistake, and nothing is sent", async (_what, body) => {
    const { api, session, url } = await scene();
    const init = { method: "POST", body: body(), duplex: "half" } as RequestInit;
    await expect(session.fetch(url, init)).rejects.toThrow(TypeError);
    expect(api.received).toEqual([]);
  });

  it("chunks that are neither bytes nor text end the call, and are not asked for more", async () => {
    let isCancelled = false;
    const body = new ReadableStream({
      pull: (controller) => controller.enqueue({ byteLength: 1 }),
      cancel: () => {
        isCancelled = true;
      },
    });
    const init = { method: "POST", body, duplex: "half" } as RequestInit;
    const { session, url } = await scene();
    await expect(session.fetch(url, init)).rejects.toThrow(TypeError);
    expect(isCancelled).toBe(true);
  });
});

describe("forms", () => {
  const parts = (form: FormData): string => [...form].map(([name, value]) => `${name}=${String(value)}`).join();

  it("arrive with the fields that the platform has, whatever a subclass says or changes", async () => {
    class Liar extends FormData {
      override entries(): never {
        return new FormData().entries() as never;
      }
      override [Symbol.iterator](): never {
        return this.entries();
      }
    }
    const form = new Liar();
    form.append("to", "1");
    form.append("file", new File(["content"], "a.txt", { type: "text/plain" }));
    const { arrived, url } = await scene();
    const { body, headers } = await arrived([url, { method: "POST", body: form }], () => form.set("to", "2"));
    const read = await new Response(new Uint8Array(body), {
      headers: { "content-type": String(headers["content-type"]) },
    }).formData();
    expect(parts(read)).toBe("to=1,file=[object File]");
    expect(await (read.get("file") as File).text()).toBe("content");
  });
});
