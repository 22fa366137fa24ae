import { describe, expect, onTestFinished, test } from "vitest";
import { type ApprovalStore, type SlackOptions, slackChannel } from "../../src/approval/index.js";
import type { OptionsError } from "../../src/errors/guard-error.js";
import { memoryStore } from "../../src/store/index.js";
import { clickOn, startSlack } from "./slack-imitation.js";
import { bench, draftOf, settled } from "./support.js";

const TOKEN = "xoxb-test";
const SECRET = "slack-signing-secret";
const BEA = { id: "bea@acme.example", idp: "directory", groups: ["finance"] };

async function open(change: Partial<SlackOptions> = {}, options: Parameters<typeof bench>[0] = {}) {
  const slack = await startSlack(TOKEN);
  onTestFinished(() => slack.close());
  const asked: string[] = [];
  const reads: string[] = [];
  const { approvals } = memoryStore();
  const store: ApprovalStore = {
    ...approvals,
    get(id) {
      reads.push(id);
      return approvals.get(id);
    },
  };
  const now = Date.UTC(2026, 0, 15, 12);
  const channel = slackChannel({
    token: TOKEN,
    signingSecret: SECRET,
    channel: "C0FINANCE",
    people: async ({ id, team }) => {
      asked.push(`${team}/${id}`);
      return id === "UBEA" ? BEA : id === "UTOM" ? { ...BEA, id: "tom@acme.example" } : null;
    },
    apiUrl: slack.apiUrl,
    allowInsecure: true,
    now: () => now,
    ...change,
  });
  const one = bench({ waitMs: 0, store, ...options }, channel.request);
  const handle = channel.interactions(one.desk);
  const ask = async (body?: string) => {
    const before = slack.calls.length;
    await one.obtain(draftOf({}, body));
    while (slack.calls.length === before) await settled();
    await settled();
    return slack.calls[before]!;
  };
  const click = async (
    call: Awaited<ReturnType<typeof ask>>,
    action: "approve" | "deny",
    user = "UBEA",
    change = {},
  ) => {
    const ts = `1700000000.${String(slack.calls.indexOf(call) + 1).padStart(6, "0")}`;
    const response = await handle(
      clickOn(call, `sallyport_${action}`, { user, secret: SECRET, nowMs: now, ts, ...change }),
    );
    await channel.settled();
    return response.status;
  };
  return { ...one, slack, ask, click, handle, asked, reads, now: () => now };
}

describe("a question in Slack", () => {
  test("is a card of text and two buttons that hold nothing but its id", async () => {
    const { ask, asked } = await open();
    const { method, body } = await ask('{"note":"<!channel> *bold* <https://evil.example|click>"}');
    expect(method).toBe("chat.postMessage");
    expect(body["text"]).not.toContain("evil");
    const [, card, actions] = body["blocks"];
    expect(card.type).toBe("rich_text");
    expect(card.elements[0].elements[0].text).toContain("<!channel> *bold* <https://evil.example|click>");
    expect(actions.elements.map(({ value }: { value: string }) => value)).toEqual([
      expect.stringMatching(/^ap_/),
      expect.stringMatching(/^ap_/),
    ]);
    expect(JSON.stringify(actions)).not.toContain("gf2:");
    expect(asked).toEqual([]);
  });

  test("is answered with a click, and its card is replaced by the outcome, without buttons", async () => {
    const { ask, click, slack, obtain, desk } = await open();
    const call = await ask();
    expect(await click(call, "approve")).toBe(200);
    const update = slack.calls.at(-1)!;
    expect(update.method).toBe("chat.update");
    expect(JSON.stringify(update.body["blocks"])).toContain("Approved by bea@acme.example");
    expect(JSON.stringify(update.body["blocks"])).not.toContain("button");
    expect((await desk.list())[0]).toMatchObject({ state: "approved", decidedBy: { id: BEA.id, idp: BEA.idp } });
    expect(await obtain()).toBe("sent");
    // A double click, and a late no by somebody else, change nothing.
    expect(await click(call, "approve")).toBe(200);
    expect(await click(call, "deny", "UTOM")).toBe(200);
    expect((await desk.list())[0]).toMatchObject({ state: "consumed" });
  });

  test("counts where decisions must be proved: Slack's signature is the proof, and an object that looks like it is none", async () => {
    const verify = { issuer: "https://approvals.example", secret: "a secret of more than thirty-two bytes" };
    const { ask, click, desk, asked, handle } = await open({}, { verify });
    const call = await ask();
    const [{ id, fingerprint } = { id: "", fingerprint: "" }] = await desk.list();
    const decision = {
      approvalId: id,
      fingerprint,
      verdict: "approve" as const,
      by: BEA,
      at: "2026-01-15",
      nonce: "n",
    };
    await expect(desk.decide(decision)).rejects.toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
    expect(
      (await handle(new Request("https://guard.example/slack", { method: "POST", body: "payload={}" }))).status,
    ).toBe(401);
    expect(asked).toEqual([]);
    await click(call, "approve");
    expect(await desk.get(id)).toMatchObject({ state: "approved", decidedBy: { id: BEA.id } });
  });

  test("40, 41: of somebody who is not mapped is refused before the store is read, whatever they call themselves", async () => {
    const { ask, click, slack, desk, reads } = await open();
    const call = await ask();
    reads.length = 0;
    expect(await click(call, "approve", "UEVE", { name: "bea@acme.example" })).toBe(200);
    expect(reads).toEqual([]);
    expect(slack.calls.at(-1)).toMatchObject({ method: "chat.postEphemeral", body: { user: "UEVE" } });
    expect((await desk.list())[0]).toMatchObject({ state: "pending", votes: [] });
  });

  test.each([
    ["is undefined, as of a Map without them", async () => undefined, "You are not one of those"],
    ["is no person", async () => ({ id: "bea" }), "could not be looked up"],
    [
      "cannot be looked up",
      () => Promise.reject(new Error("ldap://admin:hunter2@directory")),
      "could not be looked up",
    ],
    [
      "cannot be looked up at all",
      () => {
        throw new Error("ldap://admin:hunter2@directory");
      },
      "could not be looked up",
    ],
  ])("41: of somebody who %s is refused before the store is read, and they are told", async (_who, people, words) => {
    const { ask, click, slack, desk, reads } = await open({ people: people as never });
    const call = await ask();
    reads.length = 0;
    expect(await click(call, "approve")).toBe(200);
    expect(reads).toEqual([]);
    expect(slack.calls.at(-1)).toMatchObject({ method: "chat.postEphemeral", body: { user: "UBEA" } });
    expect(slack.calls.at(-1)?.body["text"]).toContain(words);
    expect(JSON.stringify(slack.calls)).not.toContain("hunter2");
    expect((await desk.list())[0]).toMatchObject({ state: "pending", votes: [] });
  });

  test("46: of somebody with a strange id is no mention and no link where it is told", async () => {
    const id = "<!channel> & <https://evil.example|bea>";
    const quorum = [{ name: "two", n: 2 }];
    const { ask, click, slack } = await open({ people: async () => ({ ...BEA, id }) }, { quorum });
    const call = await ask();
    await click(call, "approve");
    expect(slack.calls.at(-1)?.body["text"]).toMatch(/^&lt;!channel&gt; &amp; &lt;https/);
    await click(call, "deny");
    expect(slack.calls.at(-1)?.body["text"]).not.toMatch(/[<>]/);
  });

  test("41: with bytes that only look like the signed ones is refused: the signature is over the raw body", async () => {
    const { ask, handle, now } = await open();
    const call = await ask();
    const ts = "1700000000.000001";
    const good = clickOn(call, "sallyport_approve", { user: "UBEA", secret: SECRET, nowMs: now(), ts });
    const signed = clickOn(call, "sallyport_approve", {
      ...{ user: "UBEA", secret: SECRET, nowMs: now(), ts },
      append: "&x=\ufffd",
    });
    const body = Buffer.concat([Buffer.from(`${await good.text()}&x=`), Buffer.from([0xff])]);
    const { url, headers } = signed;
    expect((await handle(new Request(url, { method: "POST", headers, body }))).status).toBe(401);
    expect((await handle(signed)).status).toBe(200);
  });

  test("41: with a wrong signature, an old or future one, or a changed body is refused before anything is read", async () => {
    const { ask, click, desk, reads, asked, now, handle } = await open();
    const call = await ask();
    reads.length = 0;
    for (const change of [
      { secret: "another" },
      { nowMs: now() - 5 * 60_000 - 1_000 },
      { nowMs: now() + 5 * 60_000 + 1_000 },
      { tamper: (body: string) => body.replace("UBEA", "UTOM") },
      { tamper: (body: string) => `${body}&` },
    ]) {
      expect(await click(call, "approve", "UBEA", change)).toBe(401);
    }
    expect(
      (await handle(new Request("https://guard.example/slack", { method: "POST", body: "payload={}" }))).status,
    ).toBe(401);
    expect([reads, asked]).toEqual([[], []]);
    expect((await desk.list())[0]?.votes).toEqual([]);
  });

  test("an older card answers its own question and no newer one", async () => {
    const { ask, click, desk } = await open();
    const older = await ask("1");
    await ask("2");
    await click(older, "deny");
    const states = (await desk.list()).map(({ state }) => state);
    expect(states).toEqual(["pending", "denied"]);
  });

  test("keeps its card while more people are needed, and reminds below it", async () => {
    const { ask, click, slack, clock, desk } = await open(
      {},
      { quorum: [{ name: "finance", n: 2, from: "group:finance" }], reminders: { firstAfterMs: 60_000 } },
    );
    const call = await ask();
    await click(call, "approve");
    expect(slack.calls.at(-1)).toMatchObject({ method: "chat.postMessage", body: { thread_ts: expect.any(String) } });
    const before = slack.calls.length;
    await clock.advance(60_000);
    while (slack.calls.length === before) await settled();
    expect(slack.calls.at(-1)?.body).toMatchObject({ thread_ts: expect.any(String) });
    await click(call, "approve", "UTOM");
    expect(slack.calls.at(-1)).toMatchObject({ method: "chat.update" });
    expect((await desk.list())[0]?.state).toBe("approved");
  });

  test("is withdrawn from the conversation when it no longer stands", async () => {
    const { ask, slack, desk } = await open();
    await ask();
    const [record] = await desk.list();
    await desk.cancel(record!.id, BEA);
    while (slack.calls.length < 2) await settled();
    expect(JSON.stringify(slack.calls[1]?.body["blocks"])).toContain("no longer stands");
  });

  test("that is long says what does not fit, and still shows who asks", async () => {
    const { ask } = await open();
    const { body } = await ask(JSON.stringify(Array.from({ length: 900 }, (_, index) => `line ${index}`)));
    const shown = body["blocks"][1].elements[0].elements[0].text as string;
    expect(shown).toContain("more lines do not fit into a message");
    expect(shown).toContain("billing-bot");
    expect(shown.length).toBeLessThan(4_000);
  });

  test("28: is asked again when Slack refused it, and nothing of Slack's words or our token is passed on", async () => {
    const { slack, desk, obtain, clock } = await open();
    slack.refuse("secret_internal_detail");
    const waiting = desk.obtain(draftOf(), { signal: new AbortController().signal, waitMs: 1_000_000 });
    const error = await waiting.catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
    expect(JSON.stringify(error) + (error as Error).message).not.toMatch(/secret_internal|xoxb/);
    await clock.advance(30_000);
    while (slack.calls.length === 0) await settled();
    expect(await obtain()).toBe("APPROVAL_PENDING");
  });
});

test("wrong options are refused, all at once", () => {
  try {
    const options = { token: "", signingSecret: "", channel: "", people: 1, apiUrl: "http://x", other: 1 };
    slackChannel({ ...options, fetch: "x", now: 0 } as never);
    expect.unreachable();
  } catch (error) {
    expect((error as OptionsError).problems.map(({ pointer }) => pointer)).toEqual([
      ...["/other", "/token", "/signingSecret", "/channel", "/people", "/fetch", "/now", "/apiUrl"],
    ]);
  }
});
