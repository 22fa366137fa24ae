import { describe, expect, onTestFinished, test } from "vitest";
import { approveByWebhook, receiveDecisions, signatureHeaders } from "../../src/approval/index.js";
import type { OptionsError } from "../../src/errors/guard-error.js";
import { startUpstream } from "../support/upstream.js";
import { ANN, bench, decisionOn, draftOf, settled } from "./support.js";

const SECRET = "a webhook secret of more than 32 bytes";
const NOW = Date.UTC(2026, 0, 15, 12);

async function open(options: Parameters<typeof bench>[0] = {}) {
  const receiver = await startUpstream((_, response) => void response.writeHead(status).end());
  onTestFinished(() => receiver.close());
  let status = 202;
  const answerWith = (code: number): void => {
    status = code;
  };
  const channel = approveByWebhook({
    url: `${receiver.origin}/questions`,
    secret: SECRET,
    allowInsecure: true,
    now: () => NOW,
  });
  const one = bench({ waitMs: 0, ...options }, channel);
  const arrived = async (count: number) => {
    while (receiver.received.length < count) await settled();
    await settled();
    return receiver.received[count - 1]!;
  };
  const handle = receiveDecisions(one.desk, {
    secrets: ["another secret of more than 32 bytes!!", SECRET],
    idp: "finance-app",
    now: () => NOW,
  });
  const send = async (body: string, headers: Readonly<Record<string, string>>): Promise<number> =>
    (await handle(new Request("https://guard.example/decisions", { method: "POST", headers, body }))).status;
  return { ...one, arrived, send, answerWith };
}

describe("a question by webhook", () => {
  test("is posted with a signature over exactly its bytes", async () => {
    const { obtain, arrived, asked } = await open();
    await obtain();
    const { body, headers } = await arrived(1);
    const text = body.toString();
    expect(JSON.parse(text)).toMatchObject({
      type: "approval.requested",
      request: { id: asked[0]!.id },
      card: expect.any(String),
    });
    expect(headers).toMatchObject(signatureHeaders(`${asked[0]!.id}.0`, text, SECRET, NOW));
  });

  test("28: stays open when nobody takes it, and is posted again", async () => {
    const { desk, clock, obtain, arrived, asked, answerWith } = await open();
    answerWith(500);
    await obtain();
    await arrived(1);
    answerWith(302);
    await clock.advance(30_000);
    await arrived(2);
    expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
  });
});

describe("a decision by webhook", () => {
  test("counts with a signature over the raw body; a second delivery is taken and changes nothing", async () => {
    const { obtain, arrived, asked, send, desk } = await open();
    await obtain();
    await arrived(1);
    const body = JSON.stringify(decisionOn(asked[0]!, "approve", { id: "bea", idp: "claimed" }));
    const headers = signatureHeaders("m1", body, SECRET, NOW);
    expect(await send(body, headers)).toBe(204);
    expect(await send(body, headers)).toBe(204);
    // Who vouches is who signed, and not what the message says.
    expect(await desk.get(asked[0]!.id)).toMatchObject({
      state: "approved",
      decidedBy: { id: "bea", idp: "finance-app" },
    });
    expect(await obtain()).toBe("sent");
    expect(await send(body, headers)).toBe(409);
  });

  test("counts where decisions must be proved: the signature over the body is the proof, unless the decision brings a wrong one", async () => {
    const verify = { issuer: "finance-app", secret: "a secret of more than thirty-two bytes" };
    const { obtain, arrived, asked, send, desk } = await open({ verify });
    await obtain();
    await arrived(1);
    const decision = decisionOn(asked[0]!, "approve", { id: "bea", idp: "finance-app" });
    await expect(desk.decide(decision)).rejects.toMatchObject({ code: "APPROVAL_UNAVAILABLE" });
    const post = (body: string) => send(body, signatureHeaders("m1", body, SECRET, NOW));
    expect(await post(JSON.stringify({ ...decision, proof: "a..b" }))).toBe(503);
    expect((await desk.get(asked[0]!.id))?.state).toBe("pending");
    expect(await post(JSON.stringify(decision))).toBe(204);
    expect((await desk.get(asked[0]!.id))?.state).toBe("approved");
  });

  test("is refused with a wrong, missing, old or misplaced signature, before anything is looked up", async () => {
    const { obtain, arrived, asked, send, desk } = await open();
    await obtain();
    await arrived(1);
    const body = JSON.stringify(decisionOn(asked[0]!, "approve"));
    const good = signatureHeaders("m1", body, SECRET, NOW);
    const bad: [string, Record<string, string>][] = [
      [body, {}],
      [` ${body}`, { ...good }],
      [body.replace("approve", "approvE"), { ...good }],
      [body, { ...good, "webhook-id": "m2" }],
      [body, { ...good, "webhook-timestamp": String(NOW / 1000 + 1) }],
      [body, { ...good, "webhook-signature": "v1," }],
      [body, { ...good, "webhook-signature": `v2,${good["webhook-signature"]?.slice(3)}` }],
      [body, { ...signatureHeaders("m1", body, SECRET, NOW - 301_000) }],
      [body, { ...signatureHeaders("m1", body, SECRET, NOW + 301_000) }],
      [body, { ...signatureHeaders("m1", body, "not the secret, but long enough to be one", NOW) }],
    ];
    for (const [text, headers] of bad) expect(await send(text, headers)).toBe(401);
    expect((await desk.get(asked[0]!.id))?.votes).toEqual([]);
  });

  test("is refused where its bytes only look like the signed ones: the signature is over the raw body", async () => {
    const { obtain, asked, desk } = await open();
    await obtain();
    const handle = receiveDecisions(desk, { secrets: [SECRET], idp: "finance-app", now: () => NOW });
    const text = JSON.stringify({ ...decisionOn(asked[0]!, "deny"), reason: "\ufffd" });
    const headers = signatureHeaders("m1", text, SECRET, NOW);
    const body = Buffer.from(text.replace("\ufffd", "\0"));
    body[body.indexOf(0)] = 0xff;
    const of = (content: string | Buffer<ArrayBuffer>) =>
      handle(new Request("https://guard.example/decisions", { method: "POST", headers, body: content }));
    expect((await of(body)).status).toBe(401);
    expect((await of(text)).status).toBe(204);
  });

  test("that is malformed, about something else, or not theirs to make changes nothing", async () => {
    const { obtain, arrived, asked, send, desk } = await open();
    await obtain();
    await obtain(draftOf({}, "{}"));
    await arrived(2);
    const signed = async (body: string) => send(body, signatureHeaders("m", body, SECRET, NOW));
    const decision = decisionOn(asked[0]!, "approve");
    expect(await signed("yes")).toBe(400);
    expect(await signed(JSON.stringify({ ...decision, verdict: "APPROVE" }))).toBe(400);
    expect(await signed(JSON.stringify({ ...decision, fingerprint: asked[1]!.fingerprint }))).toBe(409);
    expect(await signed(JSON.stringify({ ...decision, approvalId: "ap_none" }))).toBe(409);
    expect(await signed(JSON.stringify({ ...decision, by: { ...ANN, id: "u1" } }))).toBe(503);
    expect(await signed("x".repeat(2 << 20))).toBe(413);
    for (const { id } of asked) expect((await desk.get(id))?.state).toBe("pending");
  });
});

test("wrong options are refused, all at once", () => {
  const problems = (make: () => unknown): string[] => {
    try {
      make();
      return [];
    } catch (error) {
      return (error as OptionsError).problems.map(({ pointer }) => pointer);
    }
  };
  expect(problems(() => approveByWebhook({ url: "http://x.example", secret: "x", other: 1 } as never))).toEqual([
    ...["/other", "/secret", "/url"],
  ]);
  expect(problems(() => approveByWebhook({ url: "https://u:p@x.example", secret: SECRET }))).toEqual(["/url"]);
  expect(problems(() => approveByWebhook({ url: "https://x.example", fetch: 1, now: 1 } as never))).toEqual([
    ...["/secret", "/fetch", "/now"],
  ]);
  const { desk } = bench();
  expect(problems(() => receiveDecisions(desk, { now: 1 } as never))).toEqual(["/secrets", "/idp", "/now"]);
  expect(problems(() => receiveDecisions(desk, { secrets: [SECRET, "short", 1] as never, idp: "x" }))).toEqual([
    ...["/secrets/1", "/secrets/2"],
  ]);
  expect(problems(() => receiveDecisions(desk, { secrets: [], idp: "" }))).toEqual(["/secrets", "/idp"]);
});
