import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ApprovalRequest, renderCard } from "../../src/approval/index.js";
import { ProvenDecision } from "../../src/approval/votes/proven.js";
import type { GuardError } from "../../src/errors/guard-error.js";
import { memoryStore } from "../../src/store/index.js";
import { bench, decisionOn } from "../approval/support.js";
import { loopbackPolicy, testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";

const BEA = { id: "bea", idp: "directory" };

/** A guard that asks about everything and is told yes. */
async function world(rule: object = {}, service: object = {}) {
  const api = await startUpstream();
  onTestFinished(() => api.close());
  const asked: ApprovalRequest[] = [];
  const base = { id: "pay", effect: "approve", service: "api", methods: ["POST"], path: "/pay" } as const;
  const { session } = await testGuard({
    policy: loopbackPolicy(api.origin, [{ ...base, approval: { grant: { uses: 9 } }, ...rule }], service),
    approvals: {
      request: async (request, control) => {
        asked.push(request);
        return control.approve(BEA);
      },
    },
  });
  const post = (body: string | Uint8Array<ArrayBuffer>, headers: readonly [string, string][] = []) =>
    session.fetch(`${api.origin}/pay`, { method: "POST", body, headers: [...headers] }).then(
      ({ status }) => status,
      (error: GuardError) => error.code,
    );
  return { api, asked, post };
}

const JSON_TYPE: [string, string] = ["content-type", "application/json"];

describe("to get something sent that nobody was shown", () => {
  test("45: another account in a header that the service names, or that a rule looks at, is another question, and is shown", async () => {
    const services = [{ headers: { semantic: ["X-Account"] } }, {}];
    for (const [index, rule] of [{}, { headers: { "x-account": { exists: true } } }].entries()) {
      const { asked, post } = await world(rule, services[index]);
      for (const account of ["a", "a", "b"]) expect(await post("{}", [JSON_TYPE, ["x-account", account]])).toBe(200);
      expect(asked.map(({ http }) => http.headers)).toEqual([{ "x-account": "a" }, { "x-account": "b" }]);
      expect(renderCard(asked[1]!)).toContain("header    x-account: b");
    }
  });

  test("5: what clients change when they repeat a request does not matter, also where a rule asks for it", async () => {
    const { asked, post } = await world({ headers: { "idempotency-key": { exists: true } } });
    for (const key of ["1", "2"]) expect(await post("{}", [JSON_TYPE, ["idempotency-key", key]])).toBe(200);
    expect(asked).toHaveLength(1);
  });

  test("45: a secret in a header that is shown is masked, and still another question", async () => {
    const { asked, post } = await world({}, { headers: { semantic: ["x-account"] } });
    for (const last of ["a", "b"]) await post("{}", [["x-account", `ghp_${"0123456789".repeat(3)}abcde${last}`]]);
    expect(asked).toHaveLength(2);
    expect(JSON.stringify(asked)).not.toContain("0123456789");
  });

  test("a field that is sent twice is shown with both values, in their order", async () => {
    const { asked, post } = await world();
    await post("{}", [JSON_TYPE, ["if-match", '"a"'], ["if-match", '"b"']]);
    await post("{}", [JSON_TYPE, ["if-match", '"b"'], ["if-match", '"a"']]);
    expect(asked.map(({ http }) => http.headers["if-match"])).toEqual(['"a", "b"', '"b", "a"']);
  });

  test("a key that is there twice is shown twice, and its order counts", async () => {
    const { asked, post } = await world();
    const bodies = ['{"to":"a","to":"b"}', '{"to":"b","to":"a"}', '{"to":"b"}'];
    for (const body of bodies) expect(await post(body, [JSON_TYPE])).toBe(200);
    expect(asked.map(({ http }) => http.body.preview)).toEqual(bodies);
  });

  test("a part that hides in a preamble or behind another boundary is shown, and is another question", async () => {
    const { asked, post } = await world();
    const part = '--x\r\ncontent-disposition: form-data; name="to"\r\n\r\na\r\n';
    const type: [string, string] = ["content-type", "multipart/form-data; boundary=x"];
    const bodies = [`${part}--x--`, `--y\r\n\r\nevil\r\n${part}--x--`, `${part}--x--evil`];
    for (const body of bodies) expect(await post(body, [type])).toBe(200);
    expect(asked).toHaveLength(3);
    expect(asked.map(({ http }) => http.body.preview)).toEqual(bodies);
  });

  test("45: what is behind the part that is shown is covered, and the card says that there is more", async () => {
    const { asked, post } = await world();
    const long = "x".repeat(20_000);
    for (const last of ["a", "b"]) await post(`${long}${last}`, [["content-type", "text/plain"]]);
    expect(asked).toHaveLength(2);
    expect(renderCard(asked[1]!)).toContain("TRUNCATED: only about 16384 of 20001 bytes are shown.");
  });

  test("46: a body that the server reads in another character set is said to be unreadable, and a mark at its start is seen", async () => {
    const { asked, post } = await world();
    const declared = [
      "text/plain; charset=utf-7",
      'text/plain; x=1; charset="utf-16le"',
      "text/plain;charset=UTF-8",
      "text/plain",
    ];
    for (const type of declared) await post(`\ufeff+ACI- ${type}`, [["content-type", type]]);
    const cards = asked.map((request) => renderCard(request));
    expect(cards.map((card) => card.includes("UNREADABLE"))).toEqual([true, true, false, false]);
    for (const card of cards) expect(card).toContain("| ⟨U+FEFF⟩+ACI-");
  });

  test("45: bytes that are no text can be asked about, with their NULs seen and secrets between them masked", async () => {
    const { asked, post, api } = await world();
    const secret = "4242 4242 4242 4242";
    const image = Buffer.from(`\x89PNG\0\0 card\0${secret}\0end`, "latin1");
    expect(await post(image, [["content-type", "image/png"]])).toBe(200);
    expect(await post(Buffer.from(`card ${secret} end`, "utf16le"), [["content-type", "text/plain"]])).toBe(200);
    expect(await post(Buffer.from("a\0b\0", "latin1"), [["content-type", "text/plain"]])).toBe(200);
    const cards = asked.map((request) => renderCard(request));
    expect(cards[0]).toMatch(/PNG⟨U\+0000⟩⟨U\+0000⟩ card⟨U\+0000⟩.*4242⟨U\+0000⟩end/);
    expect(cards[2]).toContain("| a⟨U+0000⟩b⟨U+0000⟩");
    for (const card of cards) expect(card.replaceAll("⟨U+0000⟩", "")).not.toContain(secret);
    expect(api.received[0]?.body.equals(image)).toBe(true);
  });

  test("46: a body that is compressed is said to be unreadable", async () => {
    const { asked, post } = await world();
    await post(gzipSync('{"cents":1}'), [["content-encoding", "gzip"], JSON_TYPE]);
    await post('{"cents":1}', [["content-encoding", "identity"], JSON_TYPE]);
    const cards = asked.map((request) => renderCard(request));
    expect(cards.map((card) => card.includes("UNREADABLE: the body is compressed"))).toEqual([true, false]);
    expect(cards[0]).toContain("header    content-encoding: gzip");
  });
});

describe("to get a yes that nobody gave", () => {
  test("36: who handed a task on has no say in what comes of it, wherever in the chain they are", async () => {
    const api = await startUpstream();
    onTestFinished(() => api.close());
    const answers = ["planner", "Helper", "writer", "ada", "ADA@acme.example", "bea"];
    const { session, guard } = await testGuard({
      policy: loopbackPolicy(api.origin, [
        { id: "pay", effect: "approve", service: "api", methods: ["POST"], path: "/pay" },
      ]),
      approvals: { request: async (_, control) => control.approve({ id: answers.shift() ?? "", idp: "directory" }) },
    });
    const handOn = (parent: typeof session, id: string) =>
      guard.openSession({ parent, agent: { id }, purpose: "a part of it" });
    const planner = await handOn(session, "planner");
    const writer = await handOn(await handOn(planner, "helper"), "writer");
    const results: unknown[] = [];
    while (answers.length > 0) {
      results.push(
        await writer.fetch(`${api.origin}/pay`, { method: "POST" }).then(
          ({ status }) => status,
          (error: GuardError) => error.code,
        ),
      );
    }
    expect(results).toEqual([...Array(5).fill("APPROVAL_UNAVAILABLE"), 200]);
    expect(api.received).toHaveLength(1);
  });

  test("37: one person at two channels is one person, however each of them spells the id", async () => {
    const { desk, obtain, asked } = bench({ waitMs: 0, quorum: [{ name: "two", n: 2 }] });
    await obtain();
    for (const [id, idp] of [
      ["bea", "terminal"],
      ["bea", "cli"],
      ["BEA", "https://idp.example"],
      ["ｂｅａ", "slack"],
    ] as const) {
      expect((await desk.decide(decisionOn(asked[0]!, "approve", { id, idp }))).state).toBe("pending");
    }
    expect((await desk.decide(decisionOn(asked[0]!, "approve", { id: "carl", idp: "cli" }))).state).toBe("approved");
  });

  test("16: an answer that was signed for one guard is none at another that trusts the same key", async () => {
    const { signApprovalToken } = await import("../../src/approval/index.js");
    const secret = "a secret of more than thirty-two bytes";
    const open = () => bench({ waitMs: 0, store: memoryStore().approvals, verify: { issuer: "i", secret } });
    const [one, two] = [open(), open()];
    await one.obtain();
    await two.obtain();
    const { id, fingerprint } = one.asked[0]!;
    expect(fingerprint).toBe(two.asked[0]!.fingerprint);
    const token = await signApprovalToken(
      {
        ...{ approvalId: id, fingerprint, verdict: "approve", by: { id: "bea", idp: "i" }, nonce: "n" },
        ...{ issuedAt: one.clock.now(), expiresAt: one.clock.now() + 60_000 },
      },
      new TextEncoder().encode(secret),
    );
    await expect(two.desk.decide(token)).rejects.toMatchObject({ code: "APPROVAL_MISMATCH" });
    expect(await two.desk.get(two.asked[0]!.id)).toMatchObject({ state: "pending", votes: [] });
    expect((await one.desk.decide(token)).state).toBe("approved");
  });

  test("an object in the shape, and of the class, of a proved decision is not a proved one", async () => {
    const verify = { issuer: "i", secret: "a secret of more than thirty-two bytes" };
    const { desk, obtain, asked } = bench({ waitMs: 0, verify });
    await obtain();
    const decision = decisionOn(asked[0]!, "approve");
    const proven = new ProvenDecision(decision);
    expect(() => Object.assign(proven, { verdict: "deny" })).toThrow(TypeError);
    for (const forged of [
      { ...proven },
      Object.assign(Object.create(ProvenDecision.prototype), decision),
      Object.create(proven),
      new Proxy(proven, {}),
    ]) {
      await expect(desk.decide(forged)).rejects.toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
    }
    expect((await desk.decide(proven)).state).toBe("approved");
  });
});
