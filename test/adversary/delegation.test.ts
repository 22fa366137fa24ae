import { describe, expect, it, onTestFinished } from "vitest";
import { type ApprovalRequest, renderCard } from "../../src/approval/index.js";
import type { PolicyDocument, Session } from "../../src/index.js";
import { compilePolicy, type DecisionContext } from "../../src/policy/index.js";
import { documentOf, ORIGIN } from "../policy/support.js";
import { loopbackPolicy, recordedEvents, testGuard } from "../support/guards.js";
import { anyContext } from "../support/policies.js";
import { startUpstream } from "../support/upstream.js";

/** The rule: who is handed a task may do what every agent may that it came through, and no more; and everybody sees the chain. */
const by = (id: string): object => ({ who: { "/agent/id": id } });
const context = (...agents: readonly string[]): DecisionContext => ({
  ...anyContext,
  agent: { id: agents.at(-1) ?? "" },
  delegatedBy: agents.slice(0, -1).map((id) => ({ agent: { id }, session: { ...anyContext.session, id: `of-${id}` } })),
});
const decide = (rules: readonly object[], ...agents: readonly string[]) =>
  compilePolicy(documentOf(rules)).decide({ method: "GET", url: `${ORIGIN}/x` }, context(...agents));

describe("a task that was handed on", () => {
  it.each<[string, readonly object[], readonly string[], string]>([
    ["that both may do, by one rule", [{ who: { "/agent/id": ["a", "b"] } }], ["a", "b"], "allow"],
    ["that both may do, each by a rule of its own", [by("a"), by("b")], ["a", "b"], "allow"],
    ["that only the one who acts may do", [by("b")], ["a", "b"], "deny"],
    ["that only the one who handed it on may do", [by("a")], ["a", "b"], "deny"],
    ["that one in the middle may not do", [by("a"), by("c")], ["a", "b", "c"], "deny"],
    ["that the first may not do", [by("b"), by("c")], ["a", "b", "c"], "deny"],
    ["that all three may do", [by("a"), by("b"), by("c")], ["a", "b", "c"], "allow"],
    ["that the first is denied", [{}, { effect: "deny", ...by("a") }], ["a", "b"], "deny"],
    ["that the first must ask for", [{}, { effect: "approve", ...by("a") }], ["a", "b"], "approve"],
    ["that the last must ask for", [{}, { effect: "approve", ...by("b") }], ["a", "b"], "approve"],
    ["that all but one may do", [{ who: { "/agent/id": { not: "a" } } }], ["a", "b"], "deny"],
    ["of no one else", [by("b")], ["b"], "allow"],
  ])("%s: %s", (_what, rules, agents, effect) => {
    expect(decide(rules, ...agents).effect).toBe(effect);
  });

  it("is denied in the name of the one who may not", () => {
    expect(decide([by("b")], "a", "b").reason).toMatch(/^the agent "a" handed this task on: no rule allows this/);
  });

  it("has the scopes that both have, and none where they have none in common", () => {
    const scoped = (id: string, ...scopes: string[]): object => ({ ...by(id), scopes });
    expect(decide([scoped("a", "r", "w"), scoped("b", "r", "x")], "a", "b").obligations.scopes).toEqual(["r"]);
    expect(decide([scoped("a", "r"), by("b")], "a", "b").obligations.scopes).toEqual(["r"]);
    expect(decide([scoped("a", "r"), scoped("b", "w")], "a", "b")).toMatchObject({ effect: "deny", code: "NO_RULE" });
    const audience = (id: string, name: string): object => ({ ...by(id), audience: name });
    expect(decide([audience("a", "x"), audience("b", "y")], "a", "b").effect).toBe("deny");
    expect(decide([audience("a", "x"), audience("b", "x")], "a", "b").obligations.audience).toBe("x");
  });

  it("is asked about on the stricter terms of both", () => {
    const asking = (id: string, approval: object): object => ({ ...by(id), effect: "approve", approval });
    const one = asking("a", { approvers: ["x", "y"], expires: "1h", grant: { uses: 5, vary: ["/a", "/b"] } });
    const two = asking("b", { approvers: ["y", "x", "z"], quorum: 2, expires: "2h", grant: { uses: 2, vary: ["/b"] } });
    expect(decide([one, two], "a", "b").obligations.approval).toEqual({
      approvers: ["y", "x"],
      quorum: 2,
      expiresMs: 3_600_000,
      uses: 2,
      vary: ["/b"],
    });
    expect(decide([one, asking("b", { approvers: ["z"] })], "a", "b").effect).toBe("deny");
  });

  it("is masked and recorded as both rules say", () => {
    const rules = [
      { ...by("a"), mask: ["/a"], record: "request", sync: "strict" },
      { ...by("b"), mask: ["/b"], record: "response" },
    ];
    expect(decide(rules, "a", "b").obligations).toMatchObject({ mask: ["/b", "/a"], record: "both", sync: "strict" });
  });

  it("may have added what both may", () => {
    const step = (id: string, ...scopes: string[]): object => ({ ...by(id), scopes: ["r"], stepUp: { scopes } });
    expect(decide([step("a", "w", "x"), step("b", "w")], "a", "b").obligations.stepUp?.scopes).toEqual(["w"]);
    expect(decide([step("a", "w"), { ...by("b"), scopes: ["r"] }], "a", "b").obligations.stepUp).toBeUndefined();
  });
});

describe("through a guard", () => {
  async function world(rules: readonly object[]) {
    const api = await startUpstream();
    onTestFinished(() => api.close());
    const asked: ApprovalRequest[] = [];
    const base = { effect: "allow", service: "api", methods: ["GET"], path: "/**" };
    const { guard, directory } = await testGuard({
      policy: loopbackPolicy(
        api.origin,
        rules.map((rule, index) => ({ ...base, id: `r${index}`, ...rule })) as PolicyDocument["rules"],
      ),
      approvals: {
        request: async (request, control) => {
          asked.push(request);
          return control.approve({ id: "bea", idp: "directory" });
        },
      },
    });
    const open = (id: string, parent?: Session): Promise<Session> =>
      guard.openSession({
        agent: { id },
        purpose: "a task",
        ...(parent === undefined ? { principal: { id: "ada", type: "human" } } : { parent }),
      } as Parameters<typeof guard.openSession>[0]);
    const get = (session: Session): Promise<number | string> =>
      session.fetch(`${api.origin}/x`).then(
        ({ status }) => status,
        (error) => error.code,
      );
    return { guard, directory, asked, api, open, get };
  }

  it("a helper with more rights than whoever opened it has no more by that", async () => {
    const { open, get, api } = await world([by("strong")]);
    expect(await get(await open("strong"))).toBe(200);
    const weak = await open("weak");
    expect(await get(await open("strong", weak))).toBe("NO_RULE");
    expect(await get(await open("strong", await open("strong", weak)))).toBe("NO_RULE");
    expect(await get(await open("strong", await open("strong")))).toBe(200);
    expect(api.received).toHaveLength(2);
  });

  it("the record and the card name the chain, outermost first, and lines of a task of one's own none", async () => {
    const { open, get, guard, directory, asked } = await world([{ effect: "approve" }]);
    const first = await open("first");
    const third = await open("third", await open("second", first));
    expect(await get(third)).toBe(200);
    expect(await get(first)).toBe(200);
    expect(asked.map(({ subject }) => subject.delegatedBy)).toEqual([["first", "second"], undefined]);
    expect(renderCard(asked[0] as ApprovalRequest)).toMatch(/through +"first" > "second"/);
    expect(renderCard(asked[1] as ApprovalRequest)).not.toContain("through");
    await guard.close();
    const events = recordedEvents(directory).filter(({ type }) => /^(?:request|approval)\./.test(type));
    const chainOf = (id: string) => events.filter((event) => (event["agent"] as { id: string }).id === id);
    expect(chainOf("third").length).toBeGreaterThan(3);
    for (const event of chainOf("third")) expect(event["on_behalf_of"]).toEqual(["first", "second"]);
    for (const event of chainOf("first")) expect(event["on_behalf_of"]).toBeUndefined();
  });

  it.each(["agent", "session"])("a limit for each %s counts for every link of the chain", async (by) => {
    const { open, get } = await world([{ limits: [{ requests: 2, per: "1h", by }] }]);
    const boss = await open("boss");
    expect(await get(boss)).toBe(200);
    expect(await get(await open("helper-1", boss))).toBe(200);
    // The helper has done one of its two; whoever sent it has had both.
    expect(await get(await open("helper-2", boss))).toBe("LIMIT_EXCEEDED");
    expect(await get(boss)).toBe("LIMIT_EXCEEDED");
    expect(await get(await open("helper-1"))).toBe(200);
  });

  it.each(["principal", "rule"])("a limit for each %s counts a request of a chain once", async (by) => {
    const { open, get } = await world([{ limits: [{ requests: 2, per: "1h", by }] }]);
    const helper = await open("helper", await open("boss"));
    expect([await get(helper), await get(helper), await get(helper)]).toEqual([200, 200, "LIMIT_EXCEEDED"]);
  });
});
