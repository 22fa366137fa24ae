// Rule: ids of people, agents and groups are compared in one form, so that nobody becomes a second person by a spelling.
import { describe, expect, test } from "vitest";
import type { ApprovalRequest, Approver } from "../../src/approval/index.js";
import { createPromptBudget } from "../../src/approval/prompt-budget.js";
import { foldedId } from "../../src/policy/folded-id.js";
import { bench, decisionOn, draftOf } from "../approval/support.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";

/** Other spellings of one id, each with what it is. */
const SPELLINGS: readonly (readonly [string, string])[] = [
  ["ANN.STRASSE@example.org", "upper case, and ss for ß"],
  ["ann.straſſe@example.org", "long s"],
  [" ann.straße@example.org\u00a0", "blanks around it, one of them unbreakable"],
  ["ａｎｎ．ｓｔｒａßｅ＠ｅｘａｍｐｌｅ．ｏｒｇ", "full width"],
  ["ann.stra\u1e9ee@example.org", "the capital sharp s"],
];
const ID = "ann.straße@example.org";
const IDP = "https://idp.example";
const person = (id: string, ...groups: string[]): Approver => ({ id, idp: IDP, groups });

describe("the form in which ids are compared", () => {
  test("agrees with Unicode's case folding for every letter that has another case, and is its own form", () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      if (code >= 0xd800 && code <= 0xdfff) continue;
      const letter = String.fromCodePoint(code);
      const folded = foldedId(letter);
      if (foldedId(folded) !== folded) expect.fail(`U+${code.toString(16)} is folded further`);
      for (const other of [letter.toLowerCase(), letter.toUpperCase()]) {
        if (other === letter || [...other].length !== 1) continue;
        const isSame = new RegExp(`^${other}$`, "iu").test(letter);
        if (isSame !== (foldedId(other) === folded)) expect.fail(`U+${code.toString(16)} and its other case`);
      }
    }
  });

  test("keeps people apart whom no directory takes for one", () => {
    const people = ["ann", "anna", "an n", "änn", "kirk", "kırk", "ann@a", "ann@b", "cfo", "cf0"];
    expect(new Set(people.map(foldedId)).size).toBe(people.length);
  });
});

describe.each(SPELLINGS)("%s (%s)", (spelling) => {
  const refused = { code: "APPROVAL_UNAVAILABLE" };

  test.each(["agent", "onBehalfOf", "alias"])("cannot approve what it asks for itself as %s", async (role) => {
    const subject = {
      tenant: "acme",
      agent: role === "agent" ? spelling : "bot",
      onBehalfOf: role === "onBehalfOf" ? spelling : "u1",
      ...(role === "alias" ? { aliases: [spelling] } : {}),
    };
    for (const [asks, answers] of [
      [subject, ID],
      [JSON.parse(JSON.stringify(subject).replaceAll(spelling, ID)), spelling],
    ]) {
      const { desk, obtain, asked } = bench({ waitMs: 0 });
      await obtain(draftOf({ subject: asks }));
      await expect(desk.decide(decisionOn(asked[0]!, "approve", person(answers)))).rejects.toMatchObject(refused);
      expect((await desk.decide(decisionOn(asked[0]!, "approve", person("ben")))).state).toBe("approved");
    }
  });

  test("is not a second person of a quorum, and its vote delivered again is the same vote", async () => {
    const { desk, obtain, asked } = bench({ waitMs: 0, quorum: [{ name: "two", n: 2 }] });
    await obtain();
    const yes = decisionOn(asked[0]!, "approve", person(ID));
    await desk.decide(yes);
    const again = await desk.decide({ ...yes, by: person(spelling) });
    expect(again.votes).toHaveLength(1);
    expect((await desk.decide(decisionOn(asked[0]!, "approve", person(spelling)))).state).toBe("pending");
    expect((await desk.decide(decisionOn(asked[0]!, "approve", person("ben")))).state).toBe("approved");
  });

  test("cannot take back its own question as the agent", async () => {
    const { desk, obtain, asked } = bench({ waitMs: 0 });
    await obtain(draftOf({ subject: { tenant: "", agent: spelling } }));
    await expect(desk.cancel(asked[0]!.id, person(ID))).rejects.toMatchObject(refused);
    expect((await desk.cancel(asked[0]!.id, person("ben"))).state).toBe("cancelled");
  });

  test("shares the budget of prompts", () => {
    const budget = createPromptBudget({ perRequester: 1 });
    const ask = (agent: string, onBehalfOf: string) =>
      budget.spend({ sessionId: `${agent} ${onBehalfOf}`, subject: { tenant: "", agent, onBehalfOf } }, 0);
    expect(ask(ID, ID)).toBe(null);
    expect(ask(spelling, ID)).toContain("this agent has asked");
    expect(ask(ID, spelling)).toContain("this agent has asked");
    expect(ask("ben", ID)).toBe(null);
  });

  test("is the person whom a list of approvers, an emergency or an escalation names, by id and by group", async () => {
    for (const name of [spelling, `group:${spelling}`]) {
      const by = name.startsWith("group:") ? person("ben", ID) : person(ID);
      const listed = bench({ waitMs: 0 });
      await listed.obtain(draftOf({ approvers: [name] }));
      await expect(listed.desk.decide(decisionOn(listed.asked[0]!, "approve", person("eve", "eve")))).rejects.toThrow();
      expect((await listed.desk.decide(decisionOn(listed.asked[0]!, "approve", by))).state).toBe("approved");

      const quorum = [{ name: "two", n: 2 }];
      const urgent = bench({ waitMs: 0, quorum, emergency: { from: name } });
      await urgent.obtain();
      const yes = { emergency: true as const, reason: "it burns" };
      const decide = (who: Approver) => urgent.desk.decide({ ...decisionOn(urgent.asked[0]!, "approve", who), ...yes });
      await expect(decide(person("eve", "eve"))).rejects.toThrow();
      expect((await decide(by)).state).toBe("approved");
    }
  });

  test("finds nothing that another principal or agent has asked for: what belongs to whom is compared exactly", async () => {
    const { desk, obtain, asked } = bench({ waitMs: 0 });
    const subjects = [
      { tenant: "acme", agent: "bot", onBehalfOf: ID },
      { tenant: "acme", agent: "bot", onBehalfOf: spelling },
      { tenant: "acme", agent: spelling, onBehalfOf: ID },
    ];
    for (const subject of subjects) expect(await obtain(draftOf({ subject }))).toBe("APPROVAL_PENDING");
    expect(asked).toHaveLength(3);
    await desk.decide(decisionOn(asked[0]!, "approve", person("ben")));
    for (const subject of subjects.slice(1)) expect(await obtain(draftOf({ subject }))).toBe("APPROVAL_PENDING");
    expect(await obtain(draftOf({ subject: subjects[0]! }))).toBe("sent");
  });
});

describe("an id that is not what it looks like", () => {
  const UNSEEN = ["cfo\u200b", "\u2060cfo", "c\u00adfo", "cfo\u{e0041}", "cfo\u0000", "cfo\u202e", "\u200b", "  "];

  test.each(UNSEEN)("%j decides nothing, and a group of that kind is none", async (id) => {
    const { desk, obtain, asked } = bench({ waitMs: 0 });
    await obtain(draftOf({ approvers: ["cfo", "group:cfo"] }));
    for (const by of [person(id), person("ben", id)])
      await expect(desk.decide(decisionOn(asked[0]!, "approve", by))).rejects.toMatchObject({
        code: "APPROVAL_UNAVAILABLE",
      });
    expect((await desk.decide(decisionOn(asked[0]!, "approve", person("CFO")))).state).toBe("approved");
  });

  test.each(["sallyport", "Sallyport", " sallyport ", "ｓａｌｌｙｐｏｒｔ", "sally\u200bport"])(
    "nobody speaks in the library's name as %j",
    async (idp) => {
      const { desk, obtain, asked } = bench({ waitMs: 0 });
      await obtain();
      const by = { id: "billing-bot", idp };
      await expect(desk.decide(decisionOn(asked[0]!, "deny", by))).rejects.toThrow("in the name of the library");
      for (const verb of ["cancel", "revoke"] as const) await expect(desk[verb](asked[0]!.id, by)).rejects.toThrow();
      expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
    },
  );
});

test("who was refused is named, in the desk's event and in the record", async () => {
  const eve = { id: "Eve ", idp: IDP };
  const { desk, obtain, asked, events } = bench({ waitMs: 0 });
  await obtain(draftOf({ approvers: ["ann"] }));
  await expect(desk.decide(decisionOn(asked[0]!, "approve", eve))).rejects.toThrow();
  expect(events.at(-1)).toMatchObject({ type: "refused", verdict: "approve", approver: eve });
  await expect(
    desk.decide({ ...decisionOn(asked[0]!, "approve", eve), fingerprint: "gf2:other" }),
  ).rejects.toMatchObject({ code: "APPROVAL_MISMATCH" });
  expect(events.at(-1)).toMatchObject({ type: "mismatch", approver: eve });

  const questions: ApprovalRequest[] = [];
  const { guard, session, directory } = await testGuard({
    policy: loopbackPolicy("http://127.0.0.1:12345", [
      {
        id: "pay",
        effect: "approve",
        service: "api",
        methods: ["POST"],
        path: "/pay",
        approval: { approvers: ["ann"] },
      },
    ]),
    approvals: {
      waitMs: 0,
      request: async (request, control) => {
        questions.push(request);
        return control.pending();
      },
    },
  });
  await expect(session.fetch("http://127.0.0.1:12345/pay", { method: "POST" })).rejects.toThrow();
  await expect(guard.approvals.decide(decisionOn(questions[0]!, "approve", eve))).rejects.toThrow();
  expect(recordedEvents(directory).map((event) => event["approval"])).toContainEqual(
    expect.objectContaining({ outcome: "error", approver: eve.id, channel: eve.idp }),
  );
});
