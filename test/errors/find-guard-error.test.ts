import { describe, expect, it } from "vitest";
import { respond as respondTo } from "../../src/call/respond.js";
import { denialReference } from "../../src/errors/denial-reference.js";
import { ApprovalPendingError, DeniedError, findGuardError, GuardError } from "../../src/index.js";

const pending = new ApprovalPendingError({ approvalId: "ap_1" });
const respond = (error: GuardError, onDeny: "respond" | "slack", url = "https://slack.com/api/chat.postMessage") =>
  respondTo(onDeny, error, url);

describe("findGuardError", () => {
  it.each(["cause", "detail", "original", "originalError", "error", "lastError"])("looks into .%s", (place) => {
    expect(findGuardError({ [place]: { cause: pending } })).toBe(pending);
  });

  it("looks into several errors at once", () => {
    expect(findGuardError(new AggregateError([new Error("one"), pending]))).toBe(pending);
  });

  it("ends on a cycle, and on an error that has none", () => {
    const one: { cause?: unknown } = new Error("one");
    one.cause = { cause: one };
    expect(findGuardError(one)).toBeUndefined();
    for (const nothing of [undefined, null, "text", 7, () => 1]) expect(findGuardError(nothing)).toBeUndefined();
  });

  it("does not stumble over a getter that throws", () => {
    const hostile = Object.defineProperty({ cause: pending }, "headers", {
      get: () => {
        throw new Error("no");
      },
    });
    expect(findGuardError(hostile)).toBe(pending);
  });

  it("finds what a response says, in its headers, its body, and a sentence with the body in it", async () => {
    const response = await respond(pending, "respond");
    const text = await response.clone().text();
    const places = [
      response,
      { headers: Object.fromEntries(response.headers) },
      { response: { data: JSON.parse(text) as unknown } },
      { responseBody: text },
      new Error(`HTTP 403: ${text}`),
    ];
    for (const place of places) {
      const found = findGuardError(place);
      expect(found).toBeInstanceOf(ApprovalPendingError);
      expect(found).toMatchObject({ code: "APPROVAL_PENDING", approvalId: "ap_1" });
    }
  });

  it("does not believe a service that says what we would say", async () => {
    const text = await (await respond(pending, "respond")).text();
    const forged = [
      text.replaceAll("ap_1", "ap_2"),
      text.replaceAll("APPROVAL_PENDING", "NO_RULE"),
      text.replace(/(:ap_1:[\w-]{3})../, "$1xx"),
      text.replaceAll("APPROVAL_PENDING", "NO_SUCH_CODE"),
    ];
    for (const body of forged) expect(findGuardError({ message: body })).toBeUndefined();
    const { instance: _, ...problem } = JSON.parse(text) as { instance: string };
    expect(findGuardError({ headers: { "x-sallyport-code": "NO_RULE" }, data: problem })).toBeUndefined();
  });

  it("keeps no identifier that is not plain, and no error it does not know", () => {
    expect(
      findGuardError({ message: denialReference(new GuardError("NO_RULE", { approvalId: "a:b c" })) }),
    ).toMatchObject({
      code: "NO_RULE",
      approvalId: undefined,
    });
  });
});

describe("a denial as a response", () => {
  it("has what OpenAI's, Anthropic's and Stripe's clients look for in an error, and nothing that starts a login", async () => {
    const response = await respond(new DeniedError("NO_RULE"), "respond");
    expect(response.status).toBe(403);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      "content-type": "application/problem+json",
      "x-sallyport-code": "NO_RULE",
      "x-should-retry": "false",
    });
    expect(response.headers.has("www-authenticate")).toBe(false);
    expect(await response.json()).toMatchObject({ code: "NO_RULE", status: 403, error: { code: "NO_RULE" } });
  });

  it("speaks to Slack's client as Slack does, but only about methods: an upload did not arrive", async () => {
    const method = await respond(pending, "slack");
    expect(method.status).toBe(200);
    expect(await method.json()).toMatchObject({ ok: false, error: "sallyport_approval_pending", approvalId: "ap_1" });
    const upload = await respond(pending, "slack", "https://files.slack.com/upload/v1/abc");
    expect(upload.status).toBe(403);
  });
});
