// Rule: a grant counts only if it meets the terms of the guard that spends it, whichever guard had it given.
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { beforeAll, describe, expect, test } from "vitest";
import {
  type ApprovalCallback,
  type ApprovalDeskOptions,
  type ApprovalRecord,
  type ApprovalStore,
  type Approver,
  addVote,
  openRecord,
  signDecision,
  takeGrant,
} from "../../src/approval/index.js";
import { sealedTerms } from "../../src/approval/record/terms.js";
import { fileStore, memoryStore } from "../../src/store/index.js";
import { type Bench, bench, decisionOn, draftOf, settled } from "../approval/support.js";
import { fakeClock } from "../support/fake-clock.js";
import { temporaryDirectory } from "../support/guards.js";

const IDP = "https://idp.example";
const ISSUER = "https://approvals.example";
const person = (id: string, ...groups: string[]): Approver => ({ id, idp: IDP, groups });
const U1 = person("u1"); // the person the agent acts for
const ANN = person("ann", "sec", "lead");
const BEN = person("ben", "sec");
const SIX_MINUTES = 360_000;

let key: JWK;
let oldKey: JWK;
const publicPart = ({ d: _, ...rest }: JWK): JWK => rest;
beforeAll(async () => {
  const make = async (): Promise<JWK> => {
    const { privateKey } = await generateKeyPair("ES256", { extractable: true });
    return { ...(await exportJWK(privateKey)), alg: "ES256" };
  };
  [key, oldKey] = await Promise.all([make(), make()]);
});

type Terms = Partial<ApprovalDeskOptions>;
interface Case {
  readonly lax: () => Terms;
  readonly strict: () => Terms;
  /** Has the lax guard say yes to the last that it asked. */
  yes?(one: Bench): Promise<unknown>;
  /** What the strict guard takes for a yes. */
  rightly?(one: Bench): Promise<unknown>;
  /** Neither of the two is stricter: each asks anew. */
  readonly isApart?: true;
  /** Between the lax yes and the strict call. */
  readonly pass?: number;
}

const last = (one: Bench) => one.asked.at(-1)!;
const says = (...people: Approver[]) => {
  return async (one: Bench): Promise<void> => {
    for (const by of people) await one.desk.decide(decisionOn(last(one), "approve", by));
  };
};
const signed = (sign: () => JWK) => async (one: Bench) =>
  one.desk.decide(await signDecision(decisionOn(last(one), "approve", { id: "bea", idp: ISSUER }), sign()));
const inEmergency = (by: Approver) => (one: Bench) =>
  one.desk.decide({ ...decisionOn(last(one), "approve", by), emergency: true, reason: "it burns" });

const CASES: Readonly<Record<string, Case>> = {
  "a quorum of two people": {
    lax: () => ({}),
    strict: () => ({ quorum: [{ name: "two", n: 2 }] }),
    rightly: says(ANN, BEN),
  },
  "a quorum from a group, against as many of anybody": {
    lax: () => ({ quorum: [{ name: "one", n: 1 }] }),
    strict: () => ({ quorum: [{ name: "sec", n: 1, from: "group:sec" }] }),
    yes: says(person("eve")),
    rightly: says(BEN),
  },
  "a quorum from another group": {
    lax: () => ({ quorum: [{ name: "lead", n: 1, from: "group:lead" }] }),
    strict: () => ({ quorum: [{ name: "sec", n: 1, from: "group:sec" }] }),
    yes: says(person("leo", "lead")),
    isApart: true,
    rightly: says(BEN),
  },
  "different people, against one in two groups": {
    lax: () => ({
      quorum: [
        { name: "lead", n: 1, from: "group:lead" },
        { name: "sec", n: 1, from: "group:sec" },
      ],
      separation: { distinctPeople: false },
    }),
    strict: () => ({
      quorum: [
        { name: "lead", n: 1, from: "group:lead" },
        { name: "sec", n: 1, from: "group:sec" },
      ],
    }),
    yes: says(ANN),
    rightly: says(ANN, BEN),
  },
  "that the one who asks does not say yes": {
    lax: () => ({ separation: { requesterMayApprove: true } }),
    strict: () => ({}),
    yes: says(U1),
  },
  "signed answers": {
    lax: () => ({}),
    strict: () => ({ verify: { issuer: ISSUER, keys: [publicPart(key)] } }),
    rightly: signed(() => key),
  },
  "signatures by another key": {
    lax: () => ({ verify: { issuer: ISSUER, keys: [publicPart(key), publicPart(oldKey)] } }),
    strict: () => ({ verify: { issuer: ISSUER, keys: [publicPart(key)] } }),
    yes: signed(() => oldKey),
    rightly: signed(() => key),
  },
  "signatures for another audience": {
    lax: () => ({ verify: { issuer: ISSUER, audience: "other", keys: [publicPart(key)] } }),
    isApart: true,
    strict: () => ({ verify: { issuer: ISSUER, keys: [publicPart(key)] } }),
    yes: signed(() => key),
    rightly: signed(() => key),
  },
  "a shorter life of the yes": {
    lax: () => ({ grantTtlMs: 3_600_000 }),
    strict: () => ({ grantTtlMs: 300_000 }),
    pass: SIX_MINUTES,
  },
  "nobody's word in an emergency": {
    lax: () => ({ quorum: [{ name: "two", n: 2 }], emergency: { from: "group:oncall" } }),
    strict: () => ({ quorum: [{ name: "two", n: 2 }] }),
    yes: inEmergency(person("olga", "oncall")),
    rightly: says(ANN, BEN),
  },
  "somebody else's word in an emergency": {
    lax: () => ({ quorum: [{ name: "two", n: 2 }], emergency: { from: "group:oncall" } }),
    strict: () => ({ quorum: [{ name: "two", n: 2 }], emergency: { from: "group:chiefs" } }),
    isApart: true,
    yes: inEmergency(person("olga", "oncall")),
    rightly: inEmergency(person("cleo", "chiefs")),
  },
  "whom its directory still knows": {
    lax: () => ({}),
    strict: () => ({ directory: async ({ id }) => (id === "ben" ? ["sec"] : null) }),
    rightly: says(BEN),
  },
};

const worlds: Readonly<Record<string, () => { stores: () => ApprovalStore; close(): Promise<unknown> }>> = {
  "of one memory store": () => {
    const { approvals } = memoryStore();
    return { stores: () => approvals, close: async () => undefined };
  },
  "of two processes on one file store": () => {
    const directory = temporaryDirectory();
    const open: ReturnType<typeof fileStore>[] = [];
    const stores = (): ApprovalStore => {
      const store = fileStore(directory);
      open.push(store);
      return store.approvals;
    };
    return { stores, close: () => Promise.all(open.map((store) => store.close())) };
  },
};

describe.each(Object.entries(worlds))("guards %s", (_where, world) => {
  describe.each(Object.entries(CASES))("%s", (_what, terms) => {
    const { yes = says(ANN), rightly = says(BEN), pass = 0 } = terms;
    const two = () => {
      const clock = fakeClock();
      const { stores, close } = world();
      const guard = (options: Terms) => bench({ waitMs: 0, ...options, clock, store: stores() });
      return { lax: guard(terms.lax()), strict: guard(terms.strict()), guard, clock, close };
    };

    test("a yes of the laxer guard sends nothing at the stricter one, which asks anew", async () => {
      const { lax, strict, clock, close } = two();
      await lax.obtain();
      await yes(lax);
      expect(await lax.desk.list({ state: "approved" })).toHaveLength(1);
      await clock.advance(pass);
      expect(await strict.obtain()).toBe("APPROVAL_PENDING");
      expect(strict.asked).toHaveLength(1);
      expect(last(strict).id).not.toBe(last(lax).id);
      await rightly(strict);
      expect([await strict.obtain(), await strict.obtain()]).toEqual(["sent", "APPROVAL_PENDING"]);
      await close();
    });

    test("the same guard started again, or the laxer one, sends what the stricter one had approved: once", async () => {
      for (const spender of ["strict", "lax"] as const) {
        const { strict, guard, close } = two();
        await strict.obtain();
        await rightly(strict);
        const again = guard(terms[spender]());
        const meets = spender === "strict" || terms.isApart !== true;
        if (meets) expect([await again.obtain(), await again.obtain()]).toEqual(["sent", "APPROVAL_PENDING"]);
        else expect(await again.obtain()).toBe("APPROVAL_PENDING");
        await close();
      }
    });
  });
});

describe("a question that is open", () => {
  const quorum = [{ name: "two", n: 2 }];

  test("is taken back and asked anew by a stricter guard, and whoever waited at the laxer one waits for that", async () => {
    const lax = bench({ waitMs: 60_000 });
    const strict = bench({ waitMs: 0, quorum, store: lax.store, clock: lax.clock });
    const held = lax.obtain();
    await settled();
    expect(await strict.obtain()).toBe("APPROVAL_PENDING");
    await settled();
    expect((await lax.desk.list()).map(({ state, terms }) => [state, terms.quorum?.[0]?.n])).toEqual([
      ["pending", 2],
      ["cancelled", undefined],
    ]);
    await expect(lax.desk.decide(decisionOn(lax.asked[0]!, "approve", ANN))).rejects.toMatchObject({
      code: "APPROVAL_NOT_PENDING",
      state: "cancelled",
    });
    await says(ANN)(strict);
    await settled();
    expect((await lax.desk.get(last(strict).id))?.state).toBe("pending");
    await says(BEN)(strict);
    expect(await held).toBe("sent");
    expect(lax.events.find(({ type }) => type === "cancelled")).toBe(undefined);
    expect(strict.events.find(({ type }) => type === "cancelled")).toMatchObject({
      approver: { id: "terms", idp: "sallyport" },
    });
  });

  test("is joined by a guard that is as strict, or less", async () => {
    const strict = bench({ waitMs: 0, quorum });
    const same = bench({ waitMs: 0, quorum: [{ name: "a pair", n: 2 }], store: strict.store, clock: strict.clock });
    const lax = bench({ waitMs: 0, store: strict.store, clock: strict.clock });
    for (const one of [strict, same, lax]) expect(await one.obtain()).toBe("APPROVAL_PENDING");
    expect(await strict.desk.list()).toMatchObject([{ state: "pending", attempt: 3 }]);
  });

  test("that was refused at any guard is refused at all of them", async () => {
    const lax = bench({ waitMs: 0 });
    const strict = bench({ waitMs: 0, quorum, store: lax.store, clock: lax.clock });
    await lax.obtain();
    await lax.desk.decide(decisionOn(last(lax), "deny"));
    expect(await strict.obtain()).toBe("APPROVAL_DENIED");
  });

  test("between guards whose terms contradict each other is asked a few times, and then refused", async () => {
    const one = bench({ waitMs: 600_000, quorum: [{ name: "a", n: 1, from: "group:a" }] });
    const other = bench({ quorum: [{ name: "b", n: 1, from: "group:b" }], store: one.store, clock: one.clock });
    const outcomes = [one.obtain(), other.obtain(draftOf(), { waitMs: 600_000 })];
    expect(await Promise.race(outcomes)).toBe("APPROVAL_UNAVAILABLE");
    await Promise.all([one.desk.close(), other.desk.close()]);
    expect((await Promise.all(outcomes)).sort()).toEqual(["APPROVAL_UNAVAILABLE", "GUARD_CLOSED"]);
    expect(one.asked.length + other.asked.length).toBeLessThanOrEqual(8);
  });
});

describe("a laxer guard at the question of a stricter one", () => {
  test("takes no answer that the stricter one would not take", async () => {
    const strict = bench({ waitMs: 0, verify: { issuer: ISSUER, keys: [publicPart(key)] } });
    const share = { store: strict.store, clock: strict.clock, waitMs: 0 };
    const unsigned = bench(share);
    const own = bench({ ...share, separation: { requesterMayApprove: true } });
    const alone = bench({ ...share, emergency: { from: "ann" } });
    await strict.obtain();
    const refused = { code: "APPROVAL_UNAVAILABLE" };
    const yes = decisionOn(last(strict), "approve", ANN);
    await expect(unsigned.desk.decide(yes)).rejects.toMatchObject(refused);
    await expect(own.desk.decide({ ...yes, by: U1 })).rejects.toMatchObject(refused);
    await expect(alone.desk.decide({ ...yes, emergency: true, reason: "now" })).rejects.toMatchObject(refused);
    expect((await strict.desk.get(last(strict).id))?.votes).toEqual([]);
    // A no needs no proof.
    expect((await unsigned.desk.decide({ ...yes, verdict: "deny" })).state).toBe("denied");
  });

  test("gives no yes by its callback either", async () => {
    const yes: ApprovalCallback = async (_request, control) => control.approve(ANN);
    const strict = bench({ waitMs: 0, verify: { issuer: ISSUER, keys: [publicPart(key)] } });
    await strict.obtain();
    const lax = bench({ store: strict.store, clock: strict.clock }, Object.assign(yes, { asksHere: true }));
    expect(await lax.obtain()).toBe("APPROVAL_UNAVAILABLE");
    expect((await strict.desk.get(last(strict).id))?.state).toBe("pending");
  });
});

describe("who spends", () => {
  test("is the requester, too: what somebody approved for another name of theirs does not count", async () => {
    const { desk, obtain, asked } = bench({ waitMs: 0 });
    const subject = { tenant: "acme", agent: "bot", onBehalfOf: "u1" };
    await obtain(draftOf({ subject }));
    await desk.decide(decisionOn(asked[0]!, "approve", person("ann@example.org")));
    expect(await obtain(draftOf({ subject: { ...subject, aliases: ["Ann@Example.org"] } }))).toBe("APPROVAL_PENDING");
    await desk.decide(decisionOn(asked[1]!, "approve", BEN));
    expect(await obtain(draftOf({ subject: { ...subject, aliases: ["Ann@Example.org"] } }))).toBe("sent");
  });

  test("spends no more often than its rule allows", async () => {
    const one = bench({ waitMs: 0 });
    const signal = new AbortController().signal;
    const call = (uses: number) =>
      one.desk.obtain(draftOf(), { signal, uses, waitMs: 0 }).then(
        (grant) => grant.settle("consumed").then(() => "sent"),
        (error) => error.code,
      );
    expect(await call(5)).toBe("APPROVAL_PENDING");
    await says(ANN)(one);
    expect([await call(5), await call(2), await call(2)]).toEqual(["sent", "sent", "APPROVAL_PENDING"]);
  });
});

describe("a record of an earlier version, or one whose terms were changed", () => {
  const opened = (change: object = {}): ApprovalRecord => {
    const draft = draftOf();
    const terms = { grantTtlMs: 300_000, denyCacheMs: 0 };
    return openRecord({ ...draft, id: "ap_old", createdAt: 0, expiresAt: 1e13, shownHash: "", terms, ...change });
  };
  const spending = {
    terms: sealedTerms({ grantTtlMs: 300_000, denyCacheMs: 0 }, undefined),
    requesters: ["bot"],
  };
  const yes = { verdict: "approve" as const, by: ANN, at: 1_000, nonce: "n" };
  const lease = { id: "l", at: 2_000, expiresAt: 3_000, spending };
  const take = (record: ApprovalRecord) => takeGrant(addVote(record, yes), record.fingerprint, lease).result;

  test("meets nobody's terms", () => {
    const whole = sealedTerms({ grantTtlMs: 300_000, denyCacheMs: 0 }, undefined);
    expect(take(opened({ terms: whole }))).toBe("ok");
    expect(take(opened())).toBe("terms");
    expect(take(opened({ terms: { ...whole, grantTtlMs: 299_999 } }))).toBe("terms");
    expect(take(opened({ terms: whole, approvers: ["ann"] }))).toBe("terms");
    expect(
      takeGrant(addVote(opened({ terms: whole }), yes), draftOf().fingerprint, {
        ...lease,
        spending: undefined as never,
      }).result,
    ).toBe("terms");
  });

  test("is asked anew, whether it is open or approved", async () => {
    for (const approved of [false, true]) {
      const { approvals } = memoryStore();
      const clock = fakeClock();
      const one = bench({ waitMs: 0, store: approvals, clock });
      const { sessionId, fingerprint, subject, http, why } = draftOf();
      const times = { createdAt: clock.now(), expiresAt: clock.now() + 600_000 };
      const terms = { grantTtlMs: 300_000, denyCacheMs: 0 };
      const opening = { sessionId, fingerprint, subject, http, why, ...times, terms, id: "ap_old", shownHash: "" };
      await approvals.openOrJoin(fingerprint, opening);
      if (approved) await approvals.vote("ap_old", { ...yes, at: clock.now() });
      expect(await one.obtain()).toBe("APPROVAL_PENDING");
      expect((await approvals.get("ap_old"))?.state).toBe(approved ? "revoked" : "cancelled");
      await says(ANN)(one);
      expect(await one.obtain()).toBe("sent");
    }
  });

  test("is not spent at a store that looks at no terms", async () => {
    const one = bench({ waitMs: 0 });
    await one.obtain();
    await says(ANN)(one);
    const careless: ApprovalStore = {
      ...one.store,
      reserve: (id, fingerprint, { spending: _, ...bare }) =>
        one.store.reserve(id, fingerprint, { ...bare, spending: laxest }),
    };
    const { terms: laxTerms } = (await one.store.get(last(one).id))!;
    const laxest = { terms: laxTerms, requesters: [] };
    const strict = bench({ waitMs: 0, quorum: [{ name: "two", n: 2 }], store: careless, clock: one.clock });
    expect(await strict.obtain()).toBe("APPROVAL_PENDING");
    expect((await one.store.get(last(one).id))?.state).toBe("revoked");
  });
});
