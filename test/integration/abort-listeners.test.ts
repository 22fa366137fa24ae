import { getEventListeners } from "node:events";
import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Node says once for each signal that it has too many listeners, so a test that hears of none has had none. */
let warnings: string[] = [];
beforeEach(() => {
  warnings = [];
  const note = ({ name, message }: Error): void =>
    void (name === "MaxListenersExceededWarning" && warnings.push(message));
  process.on("warning", note);
  onTestFinished(() => void process.off("warning", note));
});

/** When a collection takes away what nobody can reach is the engine's to say. */
const PATIENCE = { timeout: 20_000 };

const listeners = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

async function scene() {
  const api = await startUpstream((request, response) => {
    response.setHeader("content-type", "text/plain");
    if (request.url === "/short") return void response.end("short");
    if (request.url === "/gone") return void response.socket?.destroy();
    if (request.url === "/moved") return void response.writeHead(302, { location: "/short" }).end();
    response.write("the beginning ");
    if (request.url === "/flowing") response.end("and the end");
  });
  onTestFinished(() => api.close());
  const { session, guard } = await testGuard({
    policy: loopbackPolicy(
      api.origin,
      [
        {
          id: "all",
          effect: "allow",
          service: "api",
          methods: ["GET", "POST"],
          path: "/**",
          predicates: { fine: "deny" },
        },
        { id: "ask", effect: "approve", service: "api", methods: ["PUT"], path: "/short" },
      ],
      { redirects: 3 },
    ),
    predicates: { fine: () => true },
    approvals: { request: async (request, control) => control.approve({ id: `ann-${request.id}`, idp: "test" }) },
  });
  return { api, session, guard };
}

/** Ways of being done with an answer. */
const ENDS: readonly ((fetch: typeof globalThis.fetch, origin: string, signal: AbortSignal) => Promise<unknown>)[] = [
  async (fetch, origin, signal) => (await fetch(`${origin}/short`, { signal })).text(),
  async (fetch, origin, signal) => (await fetch(`${origin}/flowing`, { signal })).text(),
  async (fetch, origin, signal) => (await fetch(`${origin}/moved`, { signal })).json().catch(() => undefined),
  async (fetch, origin, signal) => (await fetch(`${origin}/endless`, { signal })).body?.cancel(),
  async (fetch, origin, signal) => (await fetch(new Request(`${origin}/flowing`, { signal }))).blob(),
  async (fetch, origin, signal) => void (await fetch(`${origin}/endless`, { signal })),
  async (fetch, origin, signal) => void (await fetch(`${origin}/endless`, { signal })).body,
  async (fetch, origin, signal) => void (await fetch(`${origin}/short`, { signal })).body,
  (fetch, origin, signal) => fetch(`${origin}/gone`, { signal }).catch(() => undefined),
  (fetch, origin, signal) => fetch(`${origin}/short`, { method: "DELETE", signal }).catch(() => undefined),
];

it("after a thousand calls that are over, however they ended, the caller's one signal has no listener of ours", async () => {
  const { api, session } = await scene();
  const control = new AbortController();
  for (let round = 0; round < 20; round++) {
    const calls = Array.from({ length: 50 }, (_, at) =>
      ENDS[at % ENDS.length]?.(session.fetch, api.origin, control.signal),
    );
    // A Request follows the signal it is given with a listener of Node's own, until it is collected.
    expect(listeners(control.signal)).toBeLessThanOrEqual(1 + 5 * (round + 1));
    await Promise.all(calls);
  }
  await expect
    .poll(async () => {
      collect();
      await nextTurn();
      return listeners(control.signal);
    }, PATIENCE)
    .toBe(0);
  const open = await Promise.all(
    Array.from({ length: 50 }, () => session.fetch(`${api.origin}/endless`, { signal: control.signal })),
  );
  expect(listeners(control.signal)).toBe(1);
  const reading = open.map((response) => response.text().catch((error: Error) => error.name));
  control.abort();
  expect(new Set(await Promise.all(reading))).toEqual(new Set(["AbortError"]));
  expect(listeners(control.signal)).toBe(0);
  expect(warnings).toEqual([]);
});

it("fifty calls at once of one session, asked about, with predicates, or with bodies to collect, make Node warn of nothing", async () => {
  const { api, session } = await scene();
  let count = 0;
  const stream = (): ReadableStream<Uint8Array> =>
    new ReadableStream({
      async pull(controller) {
        await nextTurn();
        controller.enqueue(new TextEncoder().encode(`body ${++count}`));
        controller.close();
      },
    });
  const control = new AbortController();
  for (const signal of [null, control.signal]) {
    const calls = Array.from({ length: 50 }, (_, at) =>
      session.fetch(`${api.origin}/short`, {
        method: at % 2 === 0 ? "PUT" : "POST",
        body: stream(),
        duplex: "half",
        headers: { "content-type": "text/plain" },
        signal,
      } as RequestInit),
    );
    const answers = await Promise.all(calls.map(async (call) => (await call).text()));
    expect(new Set(answers)).toEqual(new Set(["short"]));
  }
  expect(listeners(control.signal)).toBe(0);
  expect(warnings).toEqual([]);
});

it("those who wait for one approval with one signal share its listener", async () => {
  const { guard } = await scene();
  const control = new AbortController();
  const waits = Array.from({ length: 50 }, () =>
    guard.approvals
      .wait("ap_none", { signal: control.signal })
      .catch((error: { readonly code?: string }) => error.code),
  );
  expect(listeners(control.signal)).toBeLessThanOrEqual(1);
  expect(new Set(await Promise.all(waits))).toEqual(new Set(["APPROVAL_MISMATCH"]));
  expect(listeners(control.signal)).toBe(0);
  expect(warnings).toEqual([]);
});
