import type { ServerResponse } from "node:http";
import { setImmediate as nextTurn } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { type GuardError, isGuardError, type PolicyDocument, type Session } from "../../src/index.js";
import type { UndiciTransportOptions } from "../../src/transport/index.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { until, upstream } from "../transport/support.js";

// The rule: one session cannot starve another. It has a share of the connections and of the calls that may wait for one.

/** A service that never responds below `/slow`, and at once elsewhere. */
async function slowService() {
  const held: ServerResponse[] = [];
  const arrived: string[] = [];
  const { origin, sockets } = await upstream((request, response) => {
    arrived.push(`${request.url}`);
    if (request.url?.startsWith("/slow") === true) held.push(response);
    else response.end(`done ${request.url}`);
  });
  return { origin, sockets, held, arrived };
}

type Rule = PolicyDocument["rules"][number];

const guardFor = (origin: string, transport: UndiciTransportOptions = {}, more: Partial<Rule> = {}) =>
  testGuard({
    policy: loopbackPolicy(origin, [
      { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**", ...more },
    ]),
    transport,
  });

const bobOf = (guard: Awaited<ReturnType<typeof testGuard>>["guard"]): Promise<Session> =>
  guard.openSession({ principal: { id: "bob", type: "human" }, agent: { id: "other" }, purpose: "testing" });

const refusalOf = async (call: Promise<Response>): Promise<GuardError | null> => {
  const error = await call.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  return isGuardError(error) ? error : null;
};

describe("a session that calls without end", () => {
  it("does not keep another from the service, whatever it has waiting", async () => {
    const { origin, sockets, held } = await slowService();
    const { guard, session } = await guardFor(origin, { connectionsPerOrigin: 4, waitingPerSession: 10 });
    const calls = Array.from({ length: 40 }, (_, at) => refusalOf(session.fetch(`${origin}/slow/${at}`)));
    await until(() => held.length === 4);
    const bob = await bobOf(guard);
    for (let round = 0; round < 3; round++)
      expect(await (await bob.fetch(`${origin}/quick`)).text()).toBe("done /quick");
    expect(sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(5);
    await session.close();
    const codes = (await Promise.all(calls)).map((error) => error?.code);
    expect(codes.filter((code) => code === "SESSION_BUSY")).toHaveLength(40 - 4 - 10);
    expect(codes.filter((code) => code === "SESSION_CLOSED")).toHaveLength(14);
  });

  it("has a share of the connections by default, and of the calls that wait", async () => {
    const { origin, held } = await slowService();
    const { guard, session } = await guardFor(origin);
    const calls = Array.from({ length: 1_400 }, (_, at) => refusalOf(session.fetch(`${origin}/slow/${at}`)));
    await until(() => held.length === 256);
    const bob = await bobOf(guard);
    expect(await (await bob.fetch(`${origin}/quick`)).text()).toBe("done /quick");
    expect(held).toHaveLength(256);
    await session.close();
    const codes = (await Promise.all(calls)).map((error) => error?.code);
    expect(codes.filter((code) => code === "SESSION_BUSY")).toHaveLength(1_400 - 256 - 1_024);
  });

  it("is told so by a typed refusal that says nothing was sent, and may be repeated", async () => {
    const { origin, held, arrived } = await slowService();
    const { session, directory } = await guardFor(
      origin,
      { connectionsPerSession: 1, waitingPerSession: 0 },
      { limits: [{ requests: 3, per: "60s", by: "agent" }] },
    );
    const first = session.fetch(`${origin}/slow/first`);
    await until(() => held.length === 1);
    for (let round = 0; round < 5; round++) {
      const refusal = await refusalOf(session.fetch(`${origin}/quick`));
      expect(refusal).toMatchObject({ code: "SESSION_BUSY", retryable: true, sent: false });
      expect(refusal?.toProblem()).toMatchObject({ status: 429, code: "SESSION_BUSY" });
    }
    // What was not sent counts for nothing, and the record says so.
    held[0]?.end("slow");
    expect(await (await first).text()).toBe("slow");
    for (let turn = 0; turn < 5; turn++) await nextTurn(); // a connection rests for one before it is used again
    expect(await (await session.fetch(`${origin}/quick`)).text()).toBe("done /quick");
    expect(arrived).toEqual(["/slow/first", "/quick"]);
    const failed = recordedEvents(directory).filter(({ type }) => type === "request.failed");
    expect(failed).toHaveLength(5);
    for (const { error } of failed) expect(error).toMatchObject({ code: "SESSION_BUSY", sent: "no" });
  });

  it("gets its calls through one after the other: none is lost, and what waits can be given up", async () => {
    const { origin, sockets } = await slowService();
    const { session } = await guardFor(origin, { connectionsPerSession: 3 });
    const controller = new AbortController();
    const given = Array.from({ length: 20 }, (_, at) =>
      refusalOf(session.fetch(`${origin}/slow/${at}`, { signal: controller.signal })),
    );
    const wanted = Array.from({ length: 30 }, async (_, at) => await (await session.fetch(`${origin}/${at}`)).text());
    await until(() => sockets.length === 3);
    controller.abort(new Error("enough"));
    expect((await Promise.all(given)).every((error) => error === null)).toBe(true);
    expect(await Promise.all(wanted)).toEqual(Array.from({ length: 30 }, (_, at) => `done /${at}`));
    expect(sockets.filter(({ destroyed }) => !destroyed).length).toBeLessThanOrEqual(3);
  });
});

it("sessions that wait for the same connections take turns", async () => {
  const { origin, held, arrived } = await slowService();
  const { guard, session } = await guardFor(origin, { connectionsPerOrigin: 2 });
  const bob = await bobOf(guard);
  const many = Array.from({ length: 30 }, (_, at) => session.fetch(`${origin}/slow/ada/${at}`));
  await until(() => held.length === 2);
  const few = Array.from({ length: 4 }, (_, at) => bob.fetch(`${origin}/slow/bob/${at}`));
  await until(() => held.length === 3);
  for (let answered = 0; answered < 34; answered++) {
    await until(() => held.length > answered);
    held[answered]?.end();
  }
  await Promise.all([...many, ...few]);
  const last = arrived.findLastIndex((path) => path.startsWith("/slow/bob"));
  expect(last).toBeLessThan(16); // and 20 of Ada's, which had waited longer, came after
});
