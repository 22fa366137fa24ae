import { describe, expect, onTestFinished, test } from "vitest";
import { type ApprovalRequest, renderCard } from "../../src/approval/index.js";
import { currentRun, inRun } from "../../src/call/tool-run.js";
import type { GuardError } from "../../src/errors/guard-error.js";
import { type GuardOptions, guardedFetch } from "../../src/index.js";
import { decisionOn } from "../approval/support.js";
import { fakeClock } from "../support/fake-clock.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

const BEA = { id: "bea", idp: "directory" };

async function world(approvals: Partial<GuardOptions["approvals"]> = {}, approval: object = {}) {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const asked: ApprovalRequest[] = [];
  const clock = fakeClock();
  const made = await testGuard({
    clock,
    policy: loopbackPolicy(api.origin, [
      { id: "pay", effect: "approve", service: "api", methods: ["POST"], path: "/pay", approval },
      { id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**" },
      { id: "never", effect: "deny", service: "api", methods: ["DELETE"], path: "/**" },
    ]),
    approvals: {
      request: async (request, control) => {
        asked.push(request);
        return control.pending();
      },
      ...approvals,
    },
  });
  const code = (calling: Promise<Response>) =>
    calling.then(
      ({ status }) => status,
      (error: GuardError) => error.code ?? error,
    );
  return { ...made, api, asked, clock, code, pay: `${api.origin}/pay` };
}

const POST = { method: "POST", body: "1" };

describe("how long a call waits", () => {
  test("is said by its fetch before the rule and the guard say it; 0 never holds", async () => {
    const { session, clock, code, pay } = await world({ waitMs: 60_000 }, { wait: "50s" });
    expect(await code(session.createFetch({ wait: 0 })(pay, POST))).toBe("APPROVAL_PENDING");
    const outcomes: [string, unknown][] = [];
    const held = [
      ["own", code(session.createFetch({ wait: 30_000 })(pay, POST))],
      ["rule", code(session.fetch(pay, POST))],
    ] as const;
    for (const [name, calling] of held)
      calling.then((outcome) => outcomes.push([name, outcome])).catch(() => undefined);
    await clock.advance(29_999);
    expect(outcomes).toEqual([]);
    await clock.advance(1);
    expect(outcomes).toEqual([["own", "APPROVAL_PENDING"]]);
    await clock.advance(20_000);
    expect(outcomes).toEqual([...[["own", "APPROVAL_PENDING"]], ["rule", "APPROVAL_PENDING"]]);
  });

  test.each([
    [{ wait: -1 }, "/wait"],
    [{ wait: "25s" }, "/wait"],
    [{ wait: Number.NaN }, "/wait"],
    [{ wait: 86_400_001 }, "/wait"],
    [{ onDeny: "repsond" }, "/onDeny"],
    [{ waitMs: 5 }, "/waitMs"],
    ["throw", ""],
  ])("%j is refused", async (options, pointer) => {
    const { session } = await world();
    const refused = (() => {
      try {
        session.createFetch(options as never);
        return null;
      } catch (error) {
        return error;
      }
    })();
    expect(refused).toMatchObject({ code: "OPTIONS_INVALID", problems: [{ pointer }] });
  });
});

describe("a preview of an approval", () => {
  test("opens or joins it without sending, shows the card, and the identical call finds it", async () => {
    const { session, guard, asked, api, code, pay } = await world({ waitMs: 0 });
    const preview = await session.requestApproval(pay, POST);
    expect(preview).toEqual({ id: asked[0]!.id, state: "pending", card: renderCard(asked[0]!) });
    expect(await session.requestApproval(pay, POST)).toEqual(preview);
    expect(asked).toHaveLength(1);
    await guard.approvals.decide(decisionOn(asked[0]!, "approve", BEA));
    expect((await session.requestApproval(pay, POST)).state).toBe("approved");
    expect(api.received).toHaveLength(0);
    expect([await code(session.fetch(pay, POST)), api.received.length]).toEqual([200, 1]);
    expect((await session.requestApproval(pay, { ...POST, body: "2" })).id).not.toBe(preview.id);
  });

  test("is needed for nothing that a rule allows, and refused for what is denied or after the end", async () => {
    const { session, api, asked, pay, directory } = await world();
    expect(await session.requestApproval(`${api.origin}/x`)).toEqual({ id: "", state: "not_needed", card: "" });
    await expect(session.requestApproval(pay, { method: "DELETE" })).rejects.toMatchObject({ code: "RULE_DENY" });
    await expect(session.requestApproval(`${api.origin}/a/../pay`, POST)).rejects.toMatchObject({
      code: "URL_AMBIGUOUS",
    });
    await expect(session.requestApproval("data:,x")).rejects.toMatchObject({ code: "SCHEME_REFUSED" });
    expect(recordedEvents(directory).filter(({ type }) => type === "request.denied")).toHaveLength(2);
    await session.close();
    await expect(session.requestApproval(pay, POST)).rejects.toMatchObject({ code: "SESSION_CLOSED" });
    expect([asked.length, api.received.length]).toEqual([0, 0]);
  });

  test("costs a prompt, as a call does", async () => {
    const { session, pay } = await world({ waitMs: 0, prompts: { perSession: 1 } });
    await session.requestApproval(pay, POST);
    await expect(session.requestApproval(pay, { ...POST, body: "2" })).rejects.toMatchObject({
      code: "APPROVAL_UNAVAILABLE",
    });
  });
});

describe("a run", () => {
  test("has both ids in every line of the record below it, also of what is read and decided after it", async () => {
    const { session, guard, asked, api, pay, directory, code } = await world({ waitMs: 0 });
    const ids = { runId: "thread-1", toolCallId: "call-1" };
    const response = await session.run(ids, async () => {
      await code(session.fetch(pay, { method: "DELETE" }));
      await code(session.fetch(pay, POST));
      await guardedFetch(`${api.origin}/x`);
      return await guardedFetch(`${api.origin}/later`);
    });
    await response.text();
    await guard.approvals.decide(decisionOn(asked[0]!, "approve", BEA));
    expect(await session.run(ids, () => code(session.fetch(pay, POST)))).toBe(200);
    const below = recordedEvents(directory).filter(({ type }) => /^(?:request|approval)\./.test(type));
    expect(below.map(({ type }) => type)).toEqual([
      ...["request.denied", "approval.requested", "request.denied", "request.intent", "request.completed"],
      ...["request.intent", "request.completed", "approval.decided"],
      ...["approval.joined", "approval.reserved", "request.intent", "request.completed"],
    ]);
    for (const event of below) expect(event).toMatchObject({ run_id: "thread-1", tool_call_id: "call-1" });
    await code(session.fetch(`${api.origin}/outside`));
    expect(recordedEvents(directory).at(-1)).not.toHaveProperty("run_id");
    expect((await guard.approvals.get(asked[0]!.id))?.subject).toMatchObject(ids);
  });

  test("inside another keeps what it does not say itself", () => {
    const seen = inRun({ runId: "r1", toolCallId: "t1" }, ({ sent } = currentRun()) => [
      currentRun().ids,
      inRun({ toolCallId: "t2" }, () => currentRun().ids),
      inRun({ runId: "r2" }, () => currentRun().ids),
      inRun({}, () => currentRun().sent === sent),
      inRun({ toolCallId: "t1" }, () => currentRun().sent === sent),
    ]);
    expect(seen).toEqual([
      { runId: "r1", toolCallId: "t1" },
      { runId: "r1", toolCallId: "t2" },
      { runId: "r2", toolCallId: "t1" },
      true,
      false,
    ]);
    expect(currentRun().ids).toEqual({});
  });

  test("that is aborted ends the calls it holds, also from inside another run; their approvals stay", async () => {
    const { session, guard, asked, clock, pay, api } = await world({ waitMs: 60_000 });
    const [outer, inner] = [new AbortController(), new AbortController()];
    const reason = new Error("the user pressed stop");
    const held = session.run({ signal: outer.signal }, () => [
      session.fetch(pay, POST),
      session.run({ signal: inner.signal, toolCallId: "t" }, () => session.fetch(pay, { ...POST, body: "2" })),
      session.run({ signal: inner.signal }, () =>
        session.createFetch({ onDeny: "respond" })(pay, { ...POST, body: "3" }),
      ),
    ]);
    const settledFirst: unknown[] = [];
    for (const call of held) call.catch((error: unknown) => settledFirst.push(error));
    await clock.advance(0);
    inner.abort(reason);
    await clock.advance(0);
    expect(settledFirst).toEqual([reason, reason]);
    outer.abort(reason);
    await Promise.allSettled(held);
    expect(settledFirst).toEqual([reason, reason, reason]);
    await expect(session.run({ signal: outer.signal }, () => session.fetch(`${api.origin}/x`))).rejects.toBe(reason);
    expect((await guard.approvals.list()).map(({ state }) => state)).toEqual(["pending", "pending", "pending"]);
    expect([asked.length, api.received.length]).toEqual([3, 0]);
  });

  test.each([
    [{ runId: "" }, "/runId"],
    [{ toolCallId: "x".repeat(257) }, "/toolCallId"],
    [{ toolCallId: 5 }, "/toolCallId"],
    [{ signal: {} }, "/signal"],
    [{ toolCall: "x" }, "/toolCall"],
    [null, ""],
  ])("%j is refused", async (options, pointer) => {
    const { session } = await world();
    let problem: unknown;
    try {
      session.run(options as never, () => undefined);
    } catch (error) {
      problem = error;
    }
    expect(problem).toMatchObject({ code: "OPTIONS_INVALID", problems: [{ pointer }] });
    expect(session.run(() => 5)).toBe(5);
  });
});
