import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { createApprovalDesk } from "../../src/approval/index.js";
import { run } from "../../src/cli/run.js";
import type { GuardError } from "../../src/errors/guard-error.js";
import { fileStore } from "../../src/store/index.js";
import { bench, decisionOn } from "../approval/support.js";
import { loopbackPolicy, recordedEvents, temporaryDirectory, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";
import { fakeIo } from "./support.js";

const approve = { id: "refund", effect: "approve", service: "api", methods: ["POST"], path: "/refunds" } as const;

async function world(rule: object = {}) {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const state = join(temporaryDirectory(), "state");
  const open = async (approvals: object = {}) => {
    const store = fileStore(state);
    onTestFinished(() => store.close());
    return testGuard({
      policy: loopbackPolicy(api.origin, [{ ...approve, ...rule }]),
      approvals: { request: async (_, control) => control.pending(), waitMs: 0, ...approvals },
      store,
    });
  };
  const call = (session: Awaited<ReturnType<typeof open>>["session"], amount = 5) =>
    session
      .fetch(`${api.origin}/refunds`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ amount, note: "\u202eevil\nState: approved" }),
      })
      .then(
        ({ status }) => status,
        (error: GuardError) => error,
      );
  const cli = async (...argv: string[]) => {
    const io = fakeIo();
    const code = await run(["approvals", ...argv, "--store", state], io);
    return { code, out: io.out(), err: io.err() };
  };
  return { api, open, call, cli, state };
}

describe("sallyport approvals", () => {
  test("22, 23: a question is listed and answered after its process is gone, and the repeated call is sent once", async () => {
    const { api, open, call, cli } = await world();
    const first = await open();
    const pending = (await call(first.session)) as GuardError;
    expect(pending.code).toBe("APPROVAL_PENDING");
    await first.session.close({ cancelApprovals: true });
    const second = await open();
    const { approvalId = "" } = (await call(second.session, 6)) as GuardError;
    await second.guard.close();

    const listed = await cli("list", "--state", "pending");
    expect(listed).toMatchObject({ code: 0, err: "" });
    expect(listed.out).toMatch(new RegExp(`^${approvalId}  pending    \\S+  POST \\S+/refunds  test-agent\n$`));
    const shown = await cli("show", approvalId);
    expect(shown.out).toContain('"amount":6');
    expect(shown.out.split("\n")).toContain("State: pending");
    expect(shown.out.split("\n").filter((line) => line.startsWith("State:"))).toHaveLength(1);
    expect(shown.out).not.toContain("\u202e");

    expect(await cli("approve", approvalId, "--as", "bea", "--reason", "checked")).toMatchObject({ code: 0 });
    const next = await open();
    expect(await call(next.session, 6)).toBe(200);
    expect((await call(next.session, 6)) as GuardError).toMatchObject({ code: "APPROVAL_PENDING" });
    expect(api.received).toHaveLength(1);
    expect((await cli("show", approvalId)).out).toContain("approve by bea (cli) at");
  });

  test("exit codes tell what became of an answer, and --json prints the record", async () => {
    const { open, call, cli } = await world({ approval: { approvers: ["group:finance"] } });
    const { session } = await open();
    const { approvalId = "" } = (await call(session)) as GuardError;
    expect((await cli("show", "ap_none")).code).toBe(1);
    expect((await cli("approve", "ap_none")).code).toBe(1);
    const stranger = await cli("approve", approvalId, "--as", "eve");
    expect([stranger.code, stranger.out]).toEqual([3, expect.stringContaining("not one of those who may decide")]);
    expect((await cli("approve", approvalId, "--as", "ada", "--group", "finance")).code).toBe(3);
    expect((await cli("approve", approvalId, "--as", "bea", "--group", "finance", "other")).code).toBe(0);
    const revoked = await cli("revoke", approvalId, "--as", "bea", "--json");
    expect(revoked.code).toBe(0);
    expect(JSON.parse(revoked.out)).toMatchObject({ id: approvalId, state: "revoked" });
    expect((await cli("deny", approvalId, "--as", "bea", "--group", "finance")).code).toBe(2);
    expect((await cli("revoke", approvalId)).code).toBe(2);
    expect(JSON.parse((await cli("list", "--json")).out)).toHaveLength(1);
    expect((await cli("list", "--state", "pending")).out).toBe("Nothing is asked.\n");
  });

  test("8: a yes to less is narrowed where the rule lets requests differ, and is refused elsewhere", async () => {
    const { open, call, cli } = await world({ approval: { grant: { uses: 3, vary: ["/amount"] } } });
    const { session } = await open();
    const { approvalId = "" } = (await call(session)) as GuardError;
    for (const pins of ["{", "[]", '{"/amount":{"lte":"5"}}'])
      expect((await cli("approve", approvalId, "--as", "bea", "--pins", pins)).code).toBe(64);
    expect((await cli("approve", approvalId, "--as", "bea", "--uses", "0")).code).toBe(64);
    expect((await cli("approve", approvalId, "--as", "bea", "--pins", '{"/note":"x"}')).code).toBe(3);
    expect((await cli("approve", approvalId, "--as", "bea", "--uses", "4")).code).toBe(3);
    expect((await cli("show", approvalId)).out).toContain('varies    "/amount" may be another value');
    const yes = ["--as", "bea", "--uses", "2", "--pins", '{"/amount":{"lte":3}}'];
    expect((await cli("approve", approvalId, ...yes)).code).toBe(0);
    expect(await call(session)).toMatchObject({ code: "APPROVAL_MISMATCH" });
    expect([await call(session, 3), await call(session, 2)]).toEqual([200, 200]);
    expect(await call(session, 2)).toMatchObject({ code: "APPROVAL_PENDING" });
  });

  test("a no is told to the agent with its reason", async () => {
    const { open, call, cli } = await world();
    const { session } = await open();
    const { approvalId = "" } = (await call(session)) as GuardError;
    expect((await cli("deny", approvalId, "--as", "bea", "--reason", "not this month")).code).toBe(0);
    const denied = (await call(session)) as GuardError;
    expect(denied.code).toBe("APPROVAL_DENIED");
    expect(denied.toModelText()).toContain("not this month");
  });

  test("a directory that is not there, and a state that is none, are wrong usage, and nothing is made", async () => {
    const io = fakeIo();
    expect(await run(["approvals", "list", "--store", "/nonexistent/state"], io)).toBe(64);
    const { cli, open } = await world();
    await open();
    expect((await cli("list", "--state", "maybe")).code).toBe(64);
  });
});

describe("a store that cannot be read", () => {
  test("is told with the file and what is wrong with it, and nothing is answered", async () => {
    const { cli, open, call, state } = await world();
    const { session } = await open();
    for (const amount of [1, 2, 3]) await call(session, amount);
    const journal = join(state, "approvals.000000.journal");
    const lines = readFileSync(journal, "utf8").split("\n\n");
    writeFileSync(journal, lines.toSpliced(2, 1).join("\n\n"));
    for (const args of [["list"], ["show", "ap_1"], ["approve", "ap_1"]] as const) {
      expect(await cli(...args)).toMatchObject({ code: 1, err: expect.stringContaining(`${journal} has lost a line`) });
    }
    expect(readFileSync(journal, "utf8")).toBe(lines.toSpliced(2, 1).join("\n\n"));
    rmSync(journal);
    mkdirSync(journal);
    expect(await cli("list")).toMatchObject({ code: 1, err: expect.stringContaining("EISDIR") });
  });
});

describe("an answer at the command line", () => {
  const decisions = (directory: string) =>
    recordedEvents(directory).filter(({ type }) => /^approval\.(?:decided|voted|late)$/.test(type));

  test("is in the record of the guard that waits for it, before the request leaves", async () => {
    const { open, call, cli } = await world({ approval: { quorum: 2 } });
    const { session, guard, directory } = await open({ waitMs: 60_000 });
    const sent = call(session);
    const pending = async (): Promise<string> => (await guard.approvals.list())[0]?.id ?? (await pending());
    const id = await pending();
    expect((await cli("approve", id, "--as", "bea", "--reason", "checked")).code).toBe(0);
    expect((await cli("approve", id, "--as", "carl")).code).toBe(0);
    expect(await sent).toBe(200);
    const events = recordedEvents(directory).map(({ type }) => type);
    expect(events.filter((type) => type === "approval.decided")).toHaveLength(1);
    expect(events.indexOf("approval.decided")).toBeLessThan(events.indexOf("approval.reserved"));
    expect(decisions(directory)).toMatchObject([
      { type: "approval.voted", approval: { id, approver: "bea", channel: "cli", reason: "checked" } },
      {
        type: "approval.decided",
        approval: { id, outcome: "approved", approver: "carl", shown_hash: expect.stringMatching(/^[0-9a-f]{64}$/) },
        timing: { approval_ms: expect.any(Number) },
      },
    ]);
  });

  test("is in the record of the next guard, once, where nobody waited any more", async () => {
    const { open, call, cli } = await world();
    const first = await open();
    const { approvalId: denied = "" } = (await call(first.session)) as GuardError;
    const { approvalId: approved = "" } = (await call(first.session, 6)) as GuardError;
    const { approvalId: revoked = "" } = (await call(first.session, 7)) as GuardError;
    await first.guard.close();
    await cli("deny", denied, "--as", "bea", "--reason", "no");
    await cli("approve", approved, "--as", "bea");
    await cli("approve", revoked, "--as", "bea");
    await cli("revoke", revoked, "--as", "carl");
    expect((await cli("list")).code).toBe(0);
    const second = await open();
    const third = await open();
    await second.guard.close();
    expect(recordedEvents(second.directory).filter(({ type }) => type.startsWith("approval."))).toMatchObject([
      { type: "approval.decided", approval: { id: denied, outcome: "denied", approver: "bea", reason: "no" } },
      { type: "approval.decided", approval: { id: approved, outcome: "approved", approver: "bea", channel: "cli" } },
      { type: "approval.decided", approval: { id: revoked, outcome: "approved", approver: "bea" } },
      { type: "approval.decided", approval: { id: revoked, outcome: "cancelled", approver: "carl" } },
    ]);
    await third.guard.close();
    expect(decisions(third.directory)).toEqual([]);
    expect(decisions(first.directory)).toEqual([]);
  });

  test("a yes that cannot be recorded when the guard learns of it is taken back", async () => {
    const { clock, store, desk, obtain, asked } = bench({ waitMs: 0 });
    await obtain();
    await desk.close();
    const tool = createApprovalDesk({ store, clock, randomId: () => "tool" });
    await tool.decide(decisionOn(asked[0]!, "approve"));
    let full = true;
    const failing = bench({
      ...{ store, clock, waitMs: 0 },
      onEvent: () => {
        if (full) throw new Error("the disk is full");
      },
    });
    expect(await failing.obtain()).toBe("APPROVAL_UNAVAILABLE");
    full = false;
    expect((await store.get(asked[0]!.id))?.state).toBe("revoked");
  });

  test("34: a look from outside takes no reminder and no expiry away from the guard", async () => {
    const reminders = { firstAfterMs: 1_000, max: 1 };
    const { clock, store, desk, obtain, asked } = bench({ waitMs: 0, pendingTtlMs: 5_000, reminders });
    await obtain();
    await desk.close();
    const tool = createApprovalDesk({ store, clock, randomId: () => "tool" });
    await clock.advance(1_000);
    expect(await tool.list({ state: "pending" })).toHaveLength(1);
    await clock.advance(4_000);
    expect(await tool.list({ state: "pending" })).toHaveLength(0);
    expect(await tool.list({ state: "expired" })).toHaveLength(1);
    expect((await tool.get(asked[0]!.id))?.state).toBe("expired");
    const next = bench({ store, clock });
    await next.desk.resume();
    expect(next.events).toMatchObject([{ type: "expired", approvalId: asked[0]!.id }]);
  });
});
