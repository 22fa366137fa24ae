import assert from "node:assert/strict";
import type { ApprovalLease, ApprovalOpening, ApprovalStore, ApprovalVote } from "../approval/index.js";
import { MINUTE, openingOf, SPENDING, START, TERMS } from "./opening.js";

/** A store to be checked. */
export interface StoreUnderTest {
  /** Fresh and empty. */
  readonly store: ApprovalStore;
  /** Where a store outlives its process: another handle on the same one. */
  reopen?(): Promise<ApprovalStore>;
}

/** One thing that every approval store must do. */
export interface StoreCheck {
  /** A sentence about the store. */
  readonly name: string;
  /** Throws an `AssertionError` where it does not do so. Each check needs a store of its own. */
  run(subject: StoreUnderTest): Promise<void>;
}

const voteOf = (verdict: ApprovalVote["verdict"], change: Partial<ApprovalVote> = {}): ApprovalVote => ({
  verdict,
  by: { id: "ann", idp: "i" },
  at: START + MINUTE,
  nonce: `${verdict}-1`,
  ...change,
});

const leaseOf = (id: string, at = START + MINUTE): ApprovalLease => ({
  id,
  at,
  expiresAt: at + MINUTE,
  spending: SPENDING,
});

/** Whether everything that is expected is there; more may be. */
function matches(actual: unknown, expected: object): void {
  assert.ok(typeof actual === "object" && actual !== null, `${String(actual)} is not an object`);
  for (const [name, value] of Object.entries(expected)) {
    const member: unknown = (actual as Record<string, unknown>)[name];
    if (typeof value === "object" && value !== null && !Array.isArray(value)) matches(member, value);
    else assert.deepEqual(member, value);
  }
}

const CHECKS: readonly (readonly [name: string, run: StoreCheck["run"]])[] = [
  [
    "opens an approval once: as many joined attempts as calls, one of them the creator",
    async ({ store }) => {
      const all = await Promise.all(
        Array.from({ length: 10 }, (_, index) => store.openOrJoin("gf2:a", openingOf(`a${index}`))),
      );
      assert.equal(all.filter(({ created }) => created).length, 1);
      assert.equal(new Set(all.map(({ record }) => record.id)).size, 1);
      assert.deepEqual(
        all.map(({ record }) => record.attempt).sort((a, b) => a - b),
        [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
      );
    },
  ],

  [
    "gives back what it was given",
    async ({ store, reopen }) => {
      const opening = openingOf("a1", { agentReason: "\u202e\u0000é", approvers: ["ben"] });
      await store.openOrJoin("gf2:a", opening);
      const later = (await reopen?.()) ?? store;
      assert.deepEqual(await later.get("a1"), { v: 1, ...opening, state: "pending", attempt: 1, votes: [] });
      assert.equal(await later.get("a2"), undefined);
    },
  ],

  [
    "opens another one for another fingerprint, tenant, agent, person, rule or policy, not for another session or run",
    async ({ store }) => {
      const subject = { tenant: "acme", agent: "bot", onBehalfOf: "u1" };
      await store.openOrJoin("gf2:a", openingOf("a1"));
      const others: Partial<ApprovalOpening>[] = [
        { fingerprint: "gf2:b" },
        { subject: { ...subject, tenant: "x" } },
        { subject: { ...subject, agent: "x" } },
        { subject: { ...subject, onBehalfOf: "x" } },
        { subject: { tenant: "acme", agent: "bot" } },
        { why: { ruleId: "x", policyDigest: "p" } },
        { why: { ruleId: "r", policyDigest: "x" } },
      ];
      for (const [index, change] of others.entries()) {
        const opening = openingOf(`b${index}`, change);
        assert.equal((await store.openOrJoin(opening.fingerprint, opening)).created, true);
      }
      const same = openingOf("c1", { sessionId: "s2", subject: { ...subject, runId: "r2", toolCallId: "t2" } });
      matches(await store.openOrJoin("gf2:a", same), { created: false, record: { id: "a1" } });
    },
  ],

  [
    "refuses a fingerprint that is not the opening's, and an id that is taken",
    async ({ store }) => {
      await assert.rejects(store.openOrJoin("gf2:other", openingOf("a1")));
      await store.openOrJoin("gf2:a", openingOf("a1"));
      await assert.rejects(store.openOrJoin("gf2:b", openingOf("a1", { fingerprint: "gf2:b" })));
    },
  ],

  [
    "joins while pending, approved and reserved, and opens anew after that",
    async ({ store }) => {
      let ids = 0;
      const join = async () => {
        ids += 1;
        return (await store.openOrJoin("gf2:a", openingOf(`j${ids}`))).record.id;
      };
      assert.equal(await join(), "j1");
      await store.vote("j1", voteOf("approve"));
      assert.equal(await join(), "j1");
      const lease = leaseOf("l1");
      assert.equal(await store.reserve("j1", "gf2:a", lease), "ok");
      assert.equal(await join(), "j1");
      await store.settle("j1", lease, "consumed");
      assert.equal(await join(), "j4");
    },
  ],

  [
    "a denial answers until it is forgotten",
    async ({ store }) => {
      await store.openOrJoin("gf2:a", openingOf("a1"));
      await store.vote("a1", voteOf("deny"));
      const at = (ms: number, id: string) =>
        store.openOrJoin("gf2:a", openingOf(id, { createdAt: START + MINUTE + ms }));
      matches(await at(2 * MINUTE - 1, "a2"), { created: false, record: { id: "a1", state: "denied" } });
      matches(await at(2 * MINUTE, "a3"), { created: true, record: { id: "a3" } });
    },
  ],

  [
    "keeps every vote, counts one of them, and takes the same one twice as one",
    async ({ store, reopen }) => {
      await store.openOrJoin("gf2:a", openingOf("a1"));
      await store.vote("a1", voteOf("deny"));
      await store.vote("a1", voteOf("deny"));
      const after = await store.vote("a1", voteOf("approve", { by: { id: "ben", idp: "i" } }));
      matches(after, { state: "denied", decidedBy: { id: "ann" } });
      assert.deepEqual(
        after?.votes.map(({ verdict, counted }) => [verdict, counted]),
        [
          ["deny", true],
          ["approve", false],
        ],
      );
      assert.deepEqual(await ((await reopen?.()) ?? store).get("a1"), after);
      assert.equal(await store.vote("none", voteOf("deny")), undefined);
    },
  ],

  [
    "is not filled by a flood of votes",
    async ({ store }) => {
      await store.openOrJoin("gf2:a", openingOf("a1"));
      await store.vote("a1", voteOf("deny"));
      for (let index = 0; index < 100; index++) await store.vote("a1", voteOf("approve", { nonce: `n${index}` }));
      assert.equal((await store.get("a1"))?.votes.length, 64);
    },
  ],

  [
    "keeps no flood of yeses, and lets none of them keep a no or a revocation out",
    async ({ store }) => {
      const quorum = [{ name: "two", n: 2 }];
      for (const id of ["a1", "b1"]) {
        await store.openOrJoin(`gf2:${id}`, openingOf(id, { fingerprint: `gf2:${id}`, terms: { ...TERMS, quorum } }));
        for (let index = 0; index < 70; index++) await store.vote(id, voteOf("approve", { nonce: `n${index}` }));
        assert.equal((await store.get(id))?.votes.length, 64);
      }
      matches(await store.vote("a1", voteOf("deny", { by: { id: "ben", idp: "i" } })), { state: "denied" });
      await store.openOrJoin("gf2:c1", openingOf("c1", { fingerprint: "gf2:c1" }));
      for (let index = 0; index < 70; index++) await store.vote("c1", voteOf("approve", { nonce: `n${index}` }));
      matches(await store.get("c1"), { state: "approved" });
      matches(await store.vote("c1", voteOf("revoke")), { state: "revoked" });
    },
  ],

  [
    "a yes after the question's end is no yes, and a shorter grant is a shorter grant",
    async ({ store }) => {
      await store.openOrJoin("gf2:a", openingOf("a1"));
      matches(await store.vote("a1", voteOf("approve", { at: START + 10 * MINUTE })), {
        state: "expired",
      });
      await store.openOrJoin("gf2:b", openingOf("b1", { fingerprint: "gf2:b" }));
      matches(await store.vote("b1", voteOf("approve", { grantTtlMs: 1000 })), {
        grantExpiresAt: START + MINUTE + 1000,
      });
      assert.equal(await store.reserve("b1", "gf2:b", leaseOf("l", START + MINUTE + 1000)), "gone");
      matches(await store.get("b1"), { state: "expired" });
    },
  ],

  [
    "a yes from the future is not taken: no clock that is set back between two processes makes a grant longer",
    async ({ store, reopen }) => {
      for (const id of ["a", "b", "c"]) {
        await store.openOrJoin(id, openingOf(id, { fingerprint: id }));
        await store.vote(id, voteOf("approve", { at: START + 5 * MINUTE }));
      }
      const later = (await reopen?.()) ?? store;
      assert.equal(await later.reserve("a", "a", leaseOf("l", START + 4 * MINUTE)), "ok");
      assert.equal(await later.reserve("b", "b", leaseOf("l", START + 4 * MINUTE - 1)), "gone");
      matches(await later.get("b"), { state: "expired" });
      const ended = await later.due(START + MINUTE);
      assert.deepEqual(
        ended.map(({ id, state, news }) => [id, state, news?.ended]),
        [["c", "expired", true]],
      );
    },
  ],

  [
    "one of many gets the grant",
    async ({ store, reopen }) => {
      const other = (await reopen?.()) ?? store;
      await store.openOrJoin("gf2:a", openingOf("a1"));
      await store.vote("a1", voteOf("approve"));
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 ? store : other).reserve("a1", "gf2:a", leaseOf(`l${index}`)),
        ),
      );
      assert.equal(results.filter((result) => result === "ok").length, 1);
      assert.equal(results.filter((result) => result === "gone").length, 19);
    },
  ],

  [
    "gives no grant that is pending, denied, revoked, unknown to it, or for another fingerprint",
    async ({ store }) => {
      await store.openOrJoin("gf2:a", openingOf("a1"));
      assert.equal(await store.reserve("a1", "gf2:a", leaseOf("l")), "gone");
      await store.vote("a1", voteOf("approve"));
      assert.equal(await store.reserve("a1", "gf2:b", leaseOf("l")), "mismatch");
      await store.vote("a1", voteOf("revoke"));
      assert.equal(await store.reserve("a1", "gf2:a", leaseOf("l")), "gone");
      assert.equal(await store.reserve("none", "gf2:a", leaseOf("l")), "gone");
    },
  ],

  [
    "gives a grant only where it meets the terms of the call, and leaves it to others where it does not",
    async ({ store }) => {
      const { spending: _, ...withoutTerms } = leaseOf("l1");
      const two = { ...SPENDING, terms: { ...SPENDING.terms, quorum: [{ name: "two", n: 2 }] } };
      await store.openOrJoin("gf2:a", openingOf("a1"));
      await store.vote("a1", voteOf("approve"));
      assert.equal(await store.reserve("a1", "gf2:a", withoutTerms), "terms");
      assert.equal(await store.reserve("a1", "gf2:a", { ...leaseOf("l2"), spending: two }), "terms");
      matches(await store.get("a1"), { state: "approved" });
      assert.equal(await store.reserve("a1", "gf2:a", leaseOf("l3")), "ok");
    },
  ],

  [
    "settles for the holder of the lease, once",
    async ({ store }) => {
      await store.openOrJoin("gf2:a", openingOf("a1"));
      await store.vote("a1", voteOf("approve"));
      const lease = leaseOf("l1");
      await store.reserve("a1", "gf2:a", lease);
      await store.settle("a1", leaseOf("l2"), "released");
      matches(await store.get("a1"), { state: "reserved", lease });
      await store.settle("a1", lease, "released");
      matches(await store.get("a1"), { state: "approved" });
      assert.equal((await store.get("a1"))?.lease, undefined);
      await store.settle("a1", lease, "consumed");
      matches(await store.get("a1"), { state: "approved" });
      assert.equal(await store.reserve("a1", "gf2:a", leaseOf("l3")), "ok");
      await store.settle("none", lease, "consumed");
    },
  ],

  [
    "does what time has done, and tells one caller of it",
    async ({ store }) => {
      for (const id of ["a", "b", "c"]) await store.openOrJoin(id, openingOf(id, { fingerprint: id }));
      await store.vote("b", voteOf("approve"));
      await store.vote("c", voteOf("approve"));
      await store.reserve("c", "c", leaseOf("l"));
      const states = async (now: number) =>
        Object.fromEntries((await store.due(now)).map((record) => [record.id, record.state]));
      assert.deepEqual(await states(START + 2 * MINUTE - 1), {});
      assert.deepEqual(await states(START + 2 * MINUTE), { c: "unknown" });
      assert.deepEqual(await states(START + 6 * MINUTE), { b: "expired" });
      const [first, second] = await Promise.all([states(START + 10 * MINUTE), states(START + 10 * MINUTE)]);
      assert.deepEqual({ ...first, ...second }, { a: "expired" });
      assert.equal(Object.keys(first).length + Object.keys(second).length, 1);
    },
  ],

  [
    "lists newest first, by state where asked",
    async ({ store }) => {
      for (const id of ["a", "b", "c"]) await store.openOrJoin(id, openingOf(id, { fingerprint: id }));
      await store.vote("b", voteOf("deny"));
      assert.deepEqual(
        (await store.list()).map(({ id }) => id),
        ["c", "b", "a"],
      );
      assert.deepEqual(
        (await store.list({ state: "pending" })).map(({ id }) => id),
        ["c", "a"],
      );
      assert.deepEqual(await store.list({ state: "consumed" }), []);
    },
  ],

  [
    "tells those who watch an approval of its changes, until they stop",
    async ({ store }) => {
      for (const id of ["a", "b"]) await store.openOrJoin(id, openingOf(id, { fingerprint: id }));
      let told: () => void = () => undefined;
      const change = new Promise<void>((resolve) => {
        told = resolve;
      });
      let others = 0;
      const stop = store.watch("a", () => told());
      const stopOther = store.watch("b", () => {
        others += 1;
      });
      stopOther();
      await store.vote("b", voteOf("approve"));
      await store.vote("a", voteOf("approve"));
      await change;
      stop();
      assert.equal(others, 0);
    },
  ],
];

/**
 * What every {@link ApprovalStore} must do, for any test runner:
 * `for (const { name, run } of approvalStoreChecks) test(name, async () => run({ store: await freshStore() }))`.
 */
export const approvalStoreChecks: readonly StoreCheck[] = CHECKS.map(([name, run]) => ({ name, run }));
