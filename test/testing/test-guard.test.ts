import { existsSync } from "node:fs";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  createTestGuard,
  type GuardMatchers,
  guardMatchers,
  mswTransport,
  testClock,
} from "../../src/testing/index.js";
import { temporaryDirectory } from "../support/guards.js";

declare module "vitest" {
  // biome-ignore lint/suspicious/noExplicitAny: declarations of one interface have the same type parameters
  interface Matchers<T = any> extends GuardMatchers<T> {}
}
expect.extend(guardMatchers);

const CRM = "https://crm.internal.example";
const policy = {
  version: 1,
  services: { crm: { origins: [CRM] } },
  rules: [
    { id: "read", effect: "allow", service: "crm", methods: ["GET"], path: "/accounts/{id}", record: "both" },
    {
      id: "write",
      effect: "approve",
      service: "crm",
      methods: ["POST"],
      path: "/accounts/{id}",
      approval: { approvers: ["group:sales"], quorum: 1 },
    },
  ],
} as const;
const POST = { method: "POST", body: "{}" };

describe("a test guard", () => {
  test("judges, masks and records as always, without disk and network", async () => {
    const directory = process.cwd();
    process.chdir(temporaryDirectory());
    onTestFinished(() => process.chdir(directory));
    const guard = await createTestGuard({
      policy,
      respond: (request) => Response.json({ url: request.url, email: "grace@example.com" }),
    });
    const session = await guard.testSession();
    const response = await session.fetch(`${CRM}/accounts/42`);
    expect(await response.json()).toEqual({ url: `${CRM}/accounts/42`, email: "[REDACTED:EMAIL]" });
    await expect(session.fetch(`${CRM}/accounts/42`, { method: "DELETE" })).rejects.toHaveBeenDenied("NO_RULE");
    expect(guard).toHaveBeenDenied("NO_RULE");
    expect(guard).not.toHaveBeenDenied("RULE_DENY");
    expect(guard).toHaveSent("GET", `${CRM}/accounts/42`);
    expect(guard).not.toHaveSent("DELETE", `${CRM}/accounts/42`);
    expect(guard.sent).toHaveLength(1);
    await guard.close();
    const types = guard.recordedEvents().map(({ type }) => type);
    expect(types).toEqual([
      ...["policy.loaded", "session.opened", "request.intent", "request.completed", "request.denied"],
      "session.closed",
    ]);
    expect(JSON.stringify(guard.recordedEvents())).not.toContain("grace@");
    expect(guard.recordedEvents()[3]).toMatchObject({
      session_id: session.id,
      principal: { id: "ada" },
      http: { status: 200 },
    });
    expect(existsSync("audit")).toBe(false);
  });

  test.each([
    ["approve", 200],
    ["deny", "APPROVAL_DENIED"],
    ["pending", "APPROVAL_PENDING"],
  ] as const)("its person says %s, for all requests or for each", async (verdict, outcome) => {
    for (const approvals of [verdict, async () => verdict]) {
      const guard = await createTestGuard({ policy, approvals });
      const session = await guard.testSession();
      const code = await session.fetch(`${CRM}/accounts/42`, POST).then(
        ({ status }) => status,
        (error) => error.code,
      );
      expect(code).toBe(outcome);
      expect(guard).toHaveAsked();
      expect(guard).not.toHaveAsked(2);
      await guard.close();
    }
  });

  test("decides later, in another session, on its own time", async () => {
    const clock = testClock();
    const guard = await createTestGuard({ policy, clock });
    const today = await guard.testSession();
    await expect(today.fetch(`${CRM}/accounts/42`, POST)).rejects.toHaveBeenDenied("APPROVAL_PENDING");
    await clock.advance(24 * 3_600_000);
    await expect(today.fetch(`${CRM}/accounts/42`, POST)).rejects.toHaveBeenDenied("SESSION_EXPIRED");
    await guard.decide("approve");
    const tomorrow = await guard.testSession();
    expect((await tomorrow.fetch(`${CRM}/accounts/42`, POST)).status).toBe(200);
    await expect(tomorrow.fetch(`${CRM}/accounts/42`, POST)).rejects.toHaveBeenDenied("APPROVAL_PENDING");
    await guard.decide("deny");
    await expect(tomorrow.fetch(`${CRM}/accounts/42`, POST)).rejects.toHaveBeenDenied("APPROVAL_DENIED");
    await guard.close();
    await expect(createTestGuard({ policy }).then((fresh) => fresh.decide("approve"))).rejects.toThrow(
      "nobody was asked",
    );
  });

  test("lets msw respond, in a line", async () => {
    const server = setupServer(http.get(`${CRM}/accounts/:id`, ({ params }) => HttpResponse.json(params)));
    server.listen({ onUnhandledRequest: "error" });
    onTestFinished(() => server.close());
    const guard = await createTestGuard({ policy, respond: mswTransport() });
    const session = await guard.testSession({ purpose: "msw" });
    expect(await (await session.fetch(`${CRM}/accounts/7`)).json()).toEqual({ id: "7" });
    await guard.close();
  });
});

describe("the matchers", () => {
  test("see refusals in errors, in what wraps them, and in responses; and say what there was", async () => {
    const guard = await createTestGuard({ policy });
    const session = await guard.testSession();
    const error = await session.fetch(`${CRM}/x`).catch((one: unknown) => one);
    expect(error).toHaveBeenDenied("NO_RULE");
    expect(new Error("of an SDK", { cause: error })).toHaveBeenDenied("NO_RULE");
    expect(await session.createFetch({ onDeny: "respond" })(`${CRM}/x`)).toHaveBeenDenied("NO_RULE");
    expect(Response.json({})).not.toHaveBeenDenied();
    expect(new Error("another")).not.toHaveBeenDenied();
    expect(() => expect(guard).toHaveBeenDenied("RULE_DENY")).toThrow("refusal with RULE_DENY; there was: NO_RULE");
    expect(() => expect(guard).not.toHaveBeenDenied()).toThrow("expected no refusal");
    expect(() => expect({}).toHaveSent("GET", "x")).toThrow("createTestGuard");
    await guard.close();
  });
});
