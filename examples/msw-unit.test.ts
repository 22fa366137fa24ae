// How to unit-test a tool of yours with msw: the guard sends through `globalThis.fetch`, which msw intercepts, so the test
// sees what a model would see: masked answers, refusals, and which requests left at all. Runs under vitest.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { createGuard, findGuardError, type Guard, guardedFetch, type Session } from "sallyport";
import type { ApprovalRequest } from "sallyport/approval";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";

// --- The tool under test. In your project it is imported. ------------------------------------------------------------
const CRM = "https://crm.internal.example";

/** What a tool hands back to a model: always text, also when the guard says no. */
async function updateTier(id: string, tier: string): Promise<string> {
  try {
    const response = await guardedFetch(`${CRM}/accounts/${encodeURIComponent(id)}`, {
      method: "PATCH",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ tier }),
    });
    return await response.text();
  } catch (error) {
    const refusal = findGuardError(error);
    if (refusal === undefined) throw error;
    return refusal.toModelText();
  }
}

// --- The test --------------------------------------------------------------------------------------------------------
const sent: string[] = [];
const server = setupServer(
  http.patch(`${CRM}/accounts/:id`, async ({ request, params }) => {
    sent.push(await request.text());
    return HttpResponse.json({ id: params["id"], owner: "grace@example.com" });
  }),
);
// A request that no handler expects fails the test instead of reaching a network.
beforeAll(() => server.listen({ onUnhandledRequest: "error" }));
afterAll(() => server.close());

let directory: string;
let guard: Guard;
let session: Session;
let questions: ApprovalRequest[];
let answer: "approve" | "deny";

beforeEach(async () => {
  sent.length = 0;
  questions = [];
  answer = "approve";
  directory = await mkdtemp(join(tmpdir(), "msw-unit-"));
  guard = await createGuard({
    // The policy you ship; a test of a tool is a test of its policy too.
    policy: {
      version: 1,
      services: { crm: { origins: [CRM] } },
      rules: [
        {
          id: "set-tier",
          effect: "approve",
          service: "crm",
          methods: ["PATCH"],
          path: "/accounts/{id}",
          body: { "/tier": ["silver", "gold"] },
          exact: ["body"],
        },
      ],
    },
    approvals: {
      request: async (request, control) => {
        questions.push(request);
        const by = { id: "bea", idp: "test" };
        return answer === "approve" ? control.approve(by) : control.deny(by, { reason: "not this month" });
      },
    },
    transport: { fetch: globalThis.fetch },
    audit: { directory, sync: "os" },
  });
  session = await guard.openSession({
    principal: { id: "ada", type: "human" },
    agent: { id: "account-agent" },
    purpose: "unit test",
  });
});
afterEach(async () => {
  await guard.close();
  await rm(directory, { recursive: true });
});

it("sends what a person approved, and shows the model a masked answer", async () => {
  const result = await session.run(() => updateTier("42", "gold"));
  expect(result).toBe('{"id":"42","owner":"[REDACTED:EMAIL]"}');
  expect(sent).toEqual(['{"tier":"gold"}']);
  expect(questions.map(({ http }) => http.body.preview)).toEqual(['{"tier":"gold"}']);
});

it("tells the model what a person said, and sends nothing", async () => {
  answer = "deny";
  const result = await session.run(() => updateTier("42", "gold"));
  expect(result).toContain("a person said no to this request: not this month (APPROVAL_DENIED)");
  expect(sent).toEqual([]);
});

it("tells the model what the policy allows instead, and asks nobody", async () => {
  const result = await session.run(() => updateTier("42", "platinum"));
  expect(result).toContain('needs body /tier to be one of ["silver","gold"] and got string (NO_RULE)');
  expect(sent).toEqual([]);
  expect(questions).toEqual([]);
});

it("keeps an id in its place, whatever the model makes of it", async () => {
  expect(await session.run(() => updateTier("../admin", "gold"))).toContain("(URL_AMBIGUOUS)");
  expect(sent).toEqual([]);
});
