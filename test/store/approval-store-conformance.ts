import { describe, expect, test } from "vitest";
import type { ApprovalLease, ApprovalOpening, ApprovalStore, ApprovalVote } from "../../src/approval/index.js";

const START = Date.UTC(2026, 0, 15);
const MINUTE = 60_000;

function openingOf(id: string, change: Partial<ApprovalOpening> = {}): ApprovalOpening {
  return {
    id,
    sessionId: "s1",
    fingerprint: "gf1:a",
    subject: { tenant: "acme", agent: "bot", onBehalfOf: "u1" },
    http: {
      method: "POST",
      origin: "https://x.example",
      path: "/",
      query: [["a", "1"]],
      headers: {},
      body: { bytes: 0, sha256: "", preview: "", truncated: false },
    },
    why: { ruleId: "r", policyDigest: "p" },
    createdAt: START,
    expiresAt: START + 10 * MINUTE,
    terms: { grantTtlMs: 5 * MINUTE, denyCacheMs: 2 * MINUTE },
    shownHash: "00",
    ...change,
  };
}

const voteOf = (verdict: ApprovalVote["verdict"], change: Partial<ApprovalVote> = {}): ApprovalVote => ({
  verdict,
  by: { id: "ann", idp: "i" },
  at: START + MINUTE,
  nonce: `${verdict}-1`,
  ...change,
});

const leaseOf = (id: string, at = START + MINUTE): ApprovalLease => ({ id, at, expiresAt: at + MINUTE });

/**
 * What every approval store must do. `open` answers with a fresh, empty store; `reopen`, where a store outlives its process,
 * with another handle on the same one.
 */
export function describeApprovalStore(
  name: string,
  open: () => Promise<{ readonly store: ApprovalStore; reopen?(): Promise<ApprovalStore> }>,
): void {
  describe(name, () => {
    test("opens an approval once: as many joined attempts as calls, one of them the creator", async () => {
      const { store } = await open();
      const all = await Promise.all(
        Array.from({ length: 10 }, (_, index) => store.openOrJoin("gf1:a", openingOf(`a${index}`))),
      );
      expect(all.filter(({ created }) => created)).toHaveLength(1);
      expect(new Set(all.map(({ record }) => record.id)).size).toBe(1);
      expect(all.map(({ record }) => record.attempt).sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    });

    test("gives back what it was given", async () => {
      const { store, reopen } = await open();
      const opening = openingOf("a1", { agentReason: "\u202e\u0000é", approvers: ["ben"] });
      await store.openOrJoin("gf1:a", opening);
      const later = (await reopen?.()) ?? store;
      expect(await later.get("a1")).toEqual({ v: 1, ...opening, state: "pending", attempt: 1, votes: [] });
      expect(await later.get("a2")).toBe(undefined);
    });

    test("opens another one for another fingerprint, tenant, agent, person, rule or policy, not for another session or run", async () => {
      const { store } = await open();
      const subject = { tenant: "acme", agent: "bot", onBehalfOf: "u1" };
      await store.openOrJoin("gf1:a", openingOf("a1"));
      const others: Partial<ApprovalOpening>[] = [
        { fingerprint: "gf1:b" },
        { subject: { ...subject, tenant: "x" } },
        { subject: { ...subject, agent: "x" } },
        { subject: { ...subject, onBehalfOf: "x" } },
        { subject: { tenant: "acme", agent: "bot" } },
        { why: { ruleId: "x", policyDigest: "p" } },
        { why: { ruleId: "r", policyDigest: "x" } },
      ];
      for (const [index, change] of others.entries()) {
        const opening = openingOf(`b${index}`, change);
        expect((await store.openOrJoin(opening.fingerprint, opening)).created).toBe(true);
      }
      const same = openingOf("c1", { sessionId: "s2", subject: { ...subject, runId: "r2", toolCallId: "t2" } });
      expect(await store.openOrJoin("gf1:a", same)).toMatchObject({ created: false, record: { id: "a1" } });
    });

    test("refuses a fingerprint that is not the opening's, and an id that is taken", async () => {
      const { store } = await open();
      await expect(store.openOrJoin("gf1:other", openingOf("a1"))).rejects.toThrow();
      await store.openOrJoin("gf1:a", openingOf("a1"));
      await expect(store.openOrJoin("gf1:b", openingOf("a1", { fingerprint: "gf1:b" }))).rejects.toThrow();
    });

    test("joins while pending, approved and reserved, and opens anew after that", async () => {
      const { store } = await open();
      let ids = 0;
      const join = async () => {
        ids += 1;
        return (await store.openOrJoin("gf1:a", openingOf(`j${ids}`))).record.id;
      };
      expect(await join()).toBe("j1");
      await store.vote("j1", voteOf("approve"));
      expect(await join()).toBe("j1");
      const lease = leaseOf("l1");
      expect(await store.reserve("j1", "gf1:a", lease)).toBe("ok");
      expect(await join()).toBe("j1");
      await store.settle("j1", lease, "consumed");
      expect(await join()).toBe("j4");
    });

    test("a denial answers until it is forgotten", async () => {
      const { store } = await open();
      await store.openOrJoin("gf1:a", openingOf("a1"));
      await store.vote("a1", voteOf("deny"));
      const at = (ms: number, id: string) =>
        store.openOrJoin("gf1:a", openingOf(id, { createdAt: START + MINUTE + ms }));
      expect(await at(2 * MINUTE - 1, "a2")).toMatchObject({ created: false, record: { id: "a1", state: "denied" } });
      expect(await at(2 * MINUTE, "a3")).toMatchObject({ created: true, record: { id: "a3" } });
    });

    test("keeps every vote, counts one of them, and takes the same one twice as one", async () => {
      const { store, reopen } = await open();
      await store.openOrJoin("gf1:a", openingOf("a1"));
      await store.vote("a1", voteOf("deny"));
      await store.vote("a1", voteOf("deny"));
      const after = await store.vote("a1", voteOf("approve", { by: { id: "ben", idp: "i" } }));
      expect(after).toMatchObject({ state: "denied", decidedBy: { id: "ann" } });
      expect(after?.votes.map(({ verdict, counted }) => [verdict, counted])).toEqual([
        ["deny", true],
        ["approve", false],
      ]);
      expect(await ((await reopen?.()) ?? store).get("a1")).toEqual(after);
      expect(await store.vote("none", voteOf("deny"))).toBe(undefined);
    });

    test("is not filled by a flood of votes", async () => {
      const { store } = await open();
      await store.openOrJoin("gf1:a", openingOf("a1"));
      await store.vote("a1", voteOf("deny"));
      for (let index = 0; index < 100; index++) await store.vote("a1", voteOf("approve", { nonce: `n${index}` }));
      expect((await store.get("a1"))?.votes.length).toBe(64);
    });

    test("a yes after the question's end is no yes, and a shorter grant is a shorter grant", async () => {
      const { store } = await open();
      await store.openOrJoin("gf1:a", openingOf("a1"));
      expect(await store.vote("a1", voteOf("approve", { at: START + 10 * MINUTE }))).toMatchObject({
        state: "expired",
      });
      await store.openOrJoin("gf1:b", openingOf("b1", { fingerprint: "gf1:b" }));
      expect(await store.vote("b1", voteOf("approve", { grantTtlMs: 1000 }))).toMatchObject({
        grantExpiresAt: START + MINUTE + 1000,
      });
      expect(await store.reserve("b1", "gf1:b", leaseOf("l", START + MINUTE + 1000))).toBe("gone");
      expect(await store.get("b1")).toMatchObject({ state: "expired" });
    });

    test("one of many gets the grant", async () => {
      const { store, reopen } = await open();
      const other = (await reopen?.()) ?? store;
      await store.openOrJoin("gf1:a", openingOf("a1"));
      await store.vote("a1", voteOf("approve"));
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, index) =>
          (index % 2 ? store : other).reserve("a1", "gf1:a", leaseOf(`l${index}`)),
        ),
      );
      expect(results.filter((result) => result === "ok")).toHaveLength(1);
      expect(results.filter((result) => result === "gone")).toHaveLength(19);
    });

    test("gives no grant that is pending, denied, revoked, unknown to it, or for another fingerprint", async () => {
      const { store } = await open();
      await store.openOrJoin("gf1:a", openingOf("a1"));
      expect(await store.reserve("a1", "gf1:a", leaseOf("l"))).toBe("gone");
      await store.vote("a1", voteOf("approve"));
      expect(await store.reserve("a1", "gf1:b", leaseOf("l"))).toBe("mismatch");
      await store.vote("a1", voteOf("revoke"));
      expect(await store.reserve("a1", "gf1:a", leaseOf("l"))).toBe("gone");
      expect(await store.reserve("none", "gf1:a", leaseOf("l"))).toBe("gone");
    });

    test("settles for the holder of the lease, once", async () => {
      const { store } = await open();
      await store.openOrJoin("gf1:a", openingOf("a1"));
      await store.vote("a1", voteOf("approve"));
      const lease = leaseOf("l1");
      await store.reserve("a1", "gf1:a", lease);
      await store.settle("a1", leaseOf("l2"), "released");
      expect(await store.get("a1")).toMatchObject({ state: "reserved", lease });
      await store.settle("a1", lease, "released");
      expect(await store.get("a1")).toMatchObject({ state: "approved" });
      expect(await store.get("a1")).not.toHaveProperty("lease");
      await store.settle("a1", lease, "consumed");
      expect(await store.get("a1")).toMatchObject({ state: "approved" });
      expect(await store.reserve("a1", "gf1:a", leaseOf("l3"))).toBe("ok");
      await store.settle("none", lease, "consumed");
    });

    test("does what time has done, and tells one caller of it", async () => {
      const { store } = await open();
      for (const id of ["a", "b", "c"]) await store.openOrJoin(id, openingOf(id, { fingerprint: id }));
      await store.vote("b", voteOf("approve"));
      await store.vote("c", voteOf("approve"));
      await store.reserve("c", "c", leaseOf("l"));
      const states = async (now: number) =>
        Object.fromEntries((await store.due(now)).map((record) => [record.id, record.state]));
      expect(await states(START + 2 * MINUTE - 1)).toEqual({});
      expect(await states(START + 2 * MINUTE)).toEqual({ c: "unknown" });
      expect(await states(START + 6 * MINUTE)).toEqual({ b: "expired" });
      const [first, second] = await Promise.all([states(START + 10 * MINUTE), states(START + 10 * MINUTE)]);
      expect({ ...first, ...second }).toEqual({ a: "expired" });
      expect(Object.keys(first).length + Object.keys(second).length).toBe(1);
    });

    test("lists newest first, by state where asked", async () => {
      const { store } = await open();
      for (const id of ["a", "b", "c"]) await store.openOrJoin(id, openingOf(id, { fingerprint: id }));
      await store.vote("b", voteOf("deny"));
      expect((await store.list()).map(({ id }) => id)).toEqual(["c", "b", "a"]);
      expect((await store.list({ state: "pending" })).map(({ id }) => id)).toEqual(["c", "a"]);
      expect(await store.list({ state: "consumed" })).toEqual([]);
    });

    test("tells those who watch an approval of its changes, until they stop", async () => {
      const { store } = await open();
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
      expect(others).toBe(0);
    });
  });
}
