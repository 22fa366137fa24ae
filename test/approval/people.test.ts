import { describe, expect, onTestFinished, test } from "vitest";
import type { ApprovalCallback, Approver } from "../../src/approval/index.js";
import { quorumState } from "../../src/approval/votes/quorum.js";
import type { GuardError } from "../../src/errors/guard-error.js";
import { ANN, BEN, bench, decisionOn, draftOf, settled } from "./support.js";

const inGroups = (id: string, ...groups: string[]): Approver => ({ id, idp: "https://idp.example", groups });
const SEC = [{ name: "sec", n: 2, from: "group:sec" }];

describe("a quorum", () => {
  test("37: two of a group: one of them twice is one, and the second one completes it", async () => {
    const { desk, obtain, asked, events } = bench({ waitMs: 0, quorum: SEC });
    await obtain();
    const [question] = asked;
    expect(question?.quorum).toEqual({ met: false, entries: [{ ...SEC[0], approvedBy: [] }] });
    const sue = inGroups("sue", "sec");
    expect((await desk.decide(decisionOn(question!, "approve", sue))).state).toBe("pending");
    expect((await desk.decide(decisionOn(question!, "approve", { ...sue, id: "SUE" }))).state).toBe("pending");
    expect(await obtain()).toBe("APPROVAL_PENDING");
    expect((await desk.decide(decisionOn(question!, "approve", inGroups("tom", "sec")))).state).toBe("approved");
    expect(await obtain()).toBe("sent");
    expect(events.map(({ type }) => type)).toEqual([
      ...["requested", "voted", "voted", "joined", "decided", "joined", "reserved", "consumed"],
    ]);
  });

  test("37: one person in two groups fills one place, and two where people need not be different", async () => {
    const quorum = [
      { name: "lead", n: 1, from: "group:lead" },
      { name: "security", n: 1, from: "group:sec" },
    ];
    const both = inGroups("kim", "lead", "sec");
    const distinct = bench({ waitMs: 0, quorum });
    await distinct.obtain();
    expect((await distinct.desk.decide(decisionOn(distinct.asked[0]!, "approve", both))).state).toBe("pending");
    // Whoever comes second takes the place that is left, whichever Kim was counted for.
    expect((await distinct.desk.decide(decisionOn(distinct.asked[0]!, "approve", inGroups("lee", "lead")))).state).toBe(
      "approved",
    );
    const shared = bench({ waitMs: 0, quorum, separation: { distinctPeople: false } });
    await shared.obtain();
    expect((await shared.desk.decide(decisionOn(shared.asked[0]!, "approve", both))).state).toBe("approved");
  });

  test("38: two factors need both, and a no by either ends it", async () => {
    const quorum = [
      { name: "lead", n: 1, from: "group:lead" },
      { name: "security", n: 1, from: "group:sec" },
    ];
    const { desk, obtain, asked } = bench({ waitMs: 0, quorum });
    const [lead, sec] = [inGroups("lee", "lead"), inGroups("sue", "sec")];
    await obtain();
    await desk.decide(decisionOn(asked[0]!, "approve", lead));
    expect((await desk.decide(decisionOn(asked[0]!, "approve", sec))).state).toBe("approved");
    await obtain(draftOf({}, "{}"));
    await desk.decide(decisionOn(asked[1]!, "approve", lead));
    expect((await desk.decide(decisionOn(asked[1]!, "deny", sec))).state).toBe("denied");
    await expect(desk.decide(decisionOn(asked[1]!, "approve", sec))).rejects.toMatchObject({ state: "denied" });
    expect(await obtain(draftOf({}, "{}"))).toBe("APPROVAL_DENIED");
  });

  test("38: somebody of neither group has no say", async () => {
    const { desk, obtain, asked } = bench({ waitMs: 0, quorum: SEC });
    await obtain();
    for (const verdict of ["approve", "deny"] as const) {
      await expect(desk.decide(decisionOn(asked[0]!, verdict, inGroups("eve", "sales")))).rejects.toMatchObject({
        code: "APPROVAL_UNAVAILABLE",
      });
    }
    expect((await desk.get(asked[0]!.id))?.votes).toEqual([]);
  });

  test("39: somebody who has left the group between their yes and the last one is not counted", async () => {
    const groups = new Map([
      ["sue", ["sec"]],
      ["tom", ["sec"]],
      ["uma", ["sec"]],
    ]);
    const { desk, obtain, asked } = bench({
      waitMs: 0,
      quorum: SEC,
      directory: async ({ id }) => groups.get(id) ?? null,
    });
    await obtain();
    const say = (id: string) => desk.decide(decisionOn(asked[0]!, "approve", { id, idp: "x", groups: ["sec"] }));
    expect((await say("sue")).state).toBe("pending");
    groups.set("sue", []);
    expect((await say("tom")).state).toBe("pending");
    expect((await say("uma")).state).toBe("approved");
    await obtain(draftOf({}, "{}"));
    await expect(desk.decide(decisionOn(asked[1]!, "approve", inGroups("zed", "sec")))).rejects.toThrow(
      "the directory does not know",
    );
    groups.delete("tom");
    await desk.decide(decisionOn(asked[1]!, "approve", inGroups("uma", "sec")));
    await expect(desk.decide(decisionOn(asked[1]!, "approve", inGroups("tom", "sec")))).rejects.toThrow();
  });

  test("39: a directory that cannot be asked counts nobody", async () => {
    const { desk, obtain, asked } = bench({ waitMs: 0, directory: () => Promise.reject(new Error("ldap://secret")) });
    await obtain();
    const refused = await desk.decide(decisionOn(asked[0]!, "approve")).catch((error: GuardError) => error);
    expect(refused).toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
    expect((refused as GuardError).message).not.toContain("ldap");
    expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
  });

  test("a rule's number of people comes on top of the desk's own entries, never in their place", async () => {
    const { desk, asked } = bench({ waitMs: 0, quorum: [{ name: "sec", n: 1, from: "group:sec" }] });
    const wishes = { signal: new AbortController().signal, quorum: 2 };
    await desk.obtain(draftOf(), wishes).catch(() => undefined);
    expect(asked[0]?.quorum.entries.map(({ name, n }) => [name, n])).toEqual([
      ["sec", 1],
      ["approvers", 1],
    ]);
    const one = bench({ waitMs: 0, quorum: SEC });
    await one.desk.obtain(draftOf(), { ...wishes, quorum: 1 }).catch(() => undefined);
    expect(one.asked[0]?.quorum.entries.map(({ name, n }) => [name, n])).toEqual([["sec", 2]]);
  });

  test("places are filled as well as they can be, in whatever order people come", () => {
    const quorum = [
      { name: "a", n: 1, from: "group:a" },
      { name: "b", n: 1, from: "group:b" },
      { name: "any", n: 1 },
    ];
    const people = [inGroups("x", "a", "b"), inGroups("y", "a"), inGroups("z")];
    const orders = [0, 1, 2].flatMap((i) => [1, 2].map((j) => [i, (i + j) % 3, (i + 3 - j) % 3]));
    for (const order of orders) {
      const yeses = order.map((index) => people[index]!);
      expect(quorumState(quorum, yeses, true).met).toBe(true);
      expect(quorumState(quorum, yeses.slice(0, 2), true).met).toBe(false);
    }
  });
});

describe("an emergency", () => {
  const emergency = { from: "group:oncall" };
  const oncall = inGroups("olga", "oncall");

  test("42: one of the listed may say yes alone, with a reason; it is marked, and an event of its own", async () => {
    const { desk, obtain, asked, events } = bench({ waitMs: 0, quorum: SEC, emergency });
    await obtain();
    const yes = decisionOn(asked[0]!, "approve", oncall);
    await expect(desk.decide({ ...yes, emergency: true })).rejects.toThrow("needs a reason");
    await expect(desk.decide({ ...yes, emergency: true, reason: " " })).rejects.toThrow("needs a reason");
    expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
    const record = await desk.decide({ ...yes, emergency: true, reason: "production is down" });
    expect(record).toMatchObject({ state: "approved", emergency: true, reason: "production is down" });
    expect(await obtain()).toBe("sent");
    expect(events.filter(({ type }) => type === "overridden")).toEqual([
      expect.objectContaining({ approver: { ...oncall }, reason: "production is down" }),
    ]);
  });

  test("42: nobody else, not the requester, and nobody where no group is listed", async () => {
    const listed = bench({ waitMs: 0, quorum: SEC, emergency });
    await listed.obtain();
    const flagged = { emergency: true as const, reason: "please" };
    for (const by of [ANN, inGroups("sue", "sec"), inGroups("u1", "oncall")]) {
      await expect(
        listed.desk.decide({ ...decisionOn(listed.asked[0]!, "approve", by), ...flagged }),
      ).rejects.toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
    }
    const none = bench({ waitMs: 0 });
    await none.obtain();
    await expect(
      none.desk.decide({ ...decisionOn(none.asked[0]!, "approve", oncall), ...flagged }),
    ).rejects.toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
  });
});

describe("several uses", () => {
  const twice = { signal: new AbortController().signal, uses: 2, waitMs: 0 };

  test("8, 21: a rule may give several uses, one after the other; an approver may give fewer, and not more", async () => {
    const { desk, asked } = bench({});
    const once = async (): Promise<string> => {
      try {
        const grant = await desk.obtain(draftOf(), twice);
        await grant.settle("consumed");
        return "sent";
      } catch (error) {
        return (error as GuardError).code;
      }
    };
    expect(await once()).toBe("APPROVAL_PENDING");
    expect(asked[0]?.grant).toEqual({ uses: 2, ttlMs: 300_000 });
    const yes = decisionOn(asked[0]!, "approve");
    await expect(desk.decide({ ...yes, grant: { uses: 3, ttlMs: 1_000 } })).rejects.toMatchObject({
      code: "APPROVAL_UNAVAILABLE",
    });
    await desk.decide(yes);
    expect([await once(), await once(), await once()]).toEqual(["sent", "sent", "APPROVAL_PENDING"]);
    await desk.decide({ ...decisionOn(asked[1]!, "approve"), grant: { uses: 1, ttlMs: 300_000 } });
    expect([await once(), await once()]).toEqual(["sent", "APPROVAL_PENDING"]);
  });

  test("49: nothing is allowed for ever: what several uses are left of is listed, and can be taken back", async () => {
    const { desk, asked, clock } = bench({});
    await desk.obtain(draftOf(), twice).catch(() => undefined);
    await desk.decide(decisionOn(asked[0]!, "approve"));
    const grant = await desk.obtain(draftOf(), twice);
    await grant.settle("consumed");
    expect(await desk.list({ state: "approved" })).toEqual([
      expect.objectContaining({ id: asked[0]!.id, usesLeft: 1, grantExpiresAt: clock.now() + 300_000 }),
    ]);
    await desk.revoke(asked[0]!.id, BEN);
    await expect(desk.obtain(draftOf(), twice)).rejects.toMatchObject({ code: "APPROVAL_PENDING" });
  });
});

describe("being asked too often", () => {
  test("50: a session that has asked so often is refused with the reason, and identical calls cost nothing", async () => {
    const { obtain, asked, desk, events } = bench({ waitMs: 0, prompts: { perSession: 2 } });
    for (const body of ["1", "1", "2", "1", "2"]) expect(await obtain(draftOf({}, body))).toBe("APPROVAL_PENDING");
    const refused = await desk.obtain(draftOf({}, "3"), { signal: new AbortController().signal }).catch((e) => e);
    expect(refused).toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
    expect(refused.toModelText()).toContain("asked people 2 times");
    expect(asked).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: "cancelled", reason: expect.stringContaining("asked people 2 times") });
    expect(await obtain(draftOf({ sessionId: "s2" }, "3"))).toBe("APPROVAL_PENDING");
  });

  test("50: and so are all sessions together within an hour", async () => {
    const { obtain, clock } = bench({ waitMs: 0, prompts: { perHour: 2 } });
    const ask = (n: number) => obtain(draftOf({ sessionId: `s${n}` }, `${n}`));
    expect([await ask(1), await ask(2), await ask(3)]).toEqual([
      ...["APPROVAL_PENDING", "APPROVAL_PENDING", "APPROVAL_UNAVAILABLE"],
    ]);
    await clock.advance(3_600_000);
    expect(await ask(4)).toBe("APPROVAL_PENDING");
  });
});

describe("reminders", () => {
  const reminders = { firstAfterMs: 60_000, everyMs: 30_000, max: 2, escalateTo: "group:managers" };

  test("34: come first after a while, then at intervals, then somebody else is asked, and nobody after a decision", async () => {
    const { desk, obtain, asked, clock, events } = bench({ waitMs: 0, reminders });
    await obtain();
    const numbers = () => asked.map(({ reminderNo, escalatedTo }) => [reminderNo, escalatedTo]);
    await clock.advance(59_999);
    expect(numbers()).toEqual([[0, undefined]]);
    await clock.advance(1);
    await clock.advance(30_000);
    expect(numbers()).toEqual([
      [0, undefined],
      [1, undefined],
      [2, undefined],
    ]);
    await clock.advance(30_000);
    expect(numbers().at(-1)).toEqual([2, "group:managers"]);
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(4);
    expect(new Set(asked.map(({ id }) => id)).size).toBe(1);
    expect(events.filter(({ type }) => type === "reminded")).toHaveLength(3);
    expect((await desk.decide(decisionOn(asked[3]!, "approve", inGroups("max", "managers")))).state).toBe("approved");
    await obtain(draftOf({}, "{}"));
    await desk.decide(decisionOn(asked[4]!, "deny"));
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(5);
  });

  test("that can neither be delivered nor recorded leave the question as it is, and no rejection that nobody hears", async () => {
    let failing = false;
    const unheard: unknown[] = [];
    const note = (error: unknown): void => void unheard.push(error);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));
    const { obtain, asked, clock } = bench(
      {
        waitMs: 0,
        reminders,
        onEvent: ({ type }) => {
          if (type === "failed") throw new Error("no record");
        },
      },
      async (_, control) => {
        if (failing) throw new Error("the channel is down");
        return control.pending();
      },
    );
    expect(await obtain()).toBe("APPROVAL_PENDING");
    failing = true;
    await clock.advance(60_000);
    await settled();
    expect(asked).toHaveLength(2);
    expect(unheard).toEqual([]);
  });

  test("34: two workers remind once, and one that starts later goes on where the other stopped", async () => {
    const one = bench({ waitMs: 0, reminders });
    const two = bench({ waitMs: 0, reminders, store: one.store, clock: one.clock });
    await one.obtain();
    await two.obtain();
    await one.clock.advance(60_000);
    expect(one.asked.length + two.asked.length).toBe(2);
    await one.desk.close();
    await two.desk.close();
    const later = bench({ waitMs: 0, reminders, store: one.store, clock: one.clock });
    await later.desk.resume();
    await one.clock.advance(30_000);
    expect(later.asked.map(({ reminderNo }) => reminderNo)).toEqual([2]);
  });

  test("31: one comes before the question expires, and afterwards none", async () => {
    const { obtain, asked, clock, desk } = bench({
      waitMs: 0,
      pendingTtlMs: 100_000,
      reminders: { firstAfterMs: 60_000, max: 5 },
    });
    await obtain();
    await clock.advance(500_000);
    expect(asked.map(({ reminderNo }) => reminderNo)).toEqual([0, 1]);
    expect(await desk.get(asked[0]!.id)).toMatchObject({ state: "expired" });
    expect((await desk.get(asked[0]!.id))?.decidedBy).toBe(undefined);
  });

  test("a person who is being asked at this moment is not asked a second time", async () => {
    const thinking: ApprovalCallback = () => new Promise(() => undefined);
    const { obtain, asked, clock, events } = bench({ waitMs: 0, reminders }, thinking);
    await obtain();
    await clock.advance(60_000);
    expect(asked).toHaveLength(1);
    expect(events.filter(({ type }) => type === "reminded")).toHaveLength(1);
  });
});

describe("a channel that fails", () => {
  test("28: leaves the question open and is tried again; nothing is decided by it", async () => {
    let down = true;
    const flaky: ApprovalCallback = async (_request, control) => {
      if (down) throw new Error("chat is down");
      return control.pending();
    };
    const { obtain, desk, asked, clock } = bench({ waitMs: 0 }, flaky);
    await obtain();
    await settled();
    expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
    await clock.advance(30_000);
    expect(asked).toHaveLength(2);
    down = false;
    await clock.advance(60_000);
    expect(asked).toHaveLength(3);
    await clock.advance(3_600_000);
    expect(asked).toHaveLength(3);
    expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
    await desk.decide(decisionOn(asked[0]!, "approve"));
    expect(await obtain()).toBe("sent");
  });

  test("22: a question that ended with its process is asked again where the call is repeated", async () => {
    const before = bench({ waitMs: 0 });
    await before.obtain();
    await before.desk.close();
    const asked: string[] = [];
    const ask: ApprovalCallback = ({ id }) => {
      asked.push(id);
      return new Promise(() => undefined);
    };
    const request = Object.assign(ask, { asksHere: true });
    const after = bench({ store: before.store, clock: before.clock, waitMs: 0, request });
    await after.obtain();
    await after.obtain();
    expect(asked).toEqual([before.asked[0]!.id]);
  });
});

test("27: a yes whose call cannot start stays usable until it ends, and can be seen", async () => {
  const { desk, obtain, asked, clock } = bench({ waitMs: 0, grantTtlMs: 60_000 });
  await obtain();
  await desk.decide(decisionOn(asked[0]!, "approve"));
  const grant = await desk.obtain(draftOf(), { signal: new AbortController().signal });
  await grant.settle("released");
  expect((await desk.list({ state: "approved" })).map(({ id }) => id)).toEqual([asked[0]!.id]);
  await clock.advance(59_999);
  expect(await obtain()).toBe("sent");
});
