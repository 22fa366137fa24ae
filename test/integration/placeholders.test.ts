import { afterEach, describe, expect, it } from "vitest";
import { findGuardError, type Guard, type GuardOptions, type Principal } from "../../src/index.js";
import { fakeClock } from "../support/fake-clock.js";
import { recordedEvents, testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

const upstreams: Upstream[] = [];
afterEach(async () => {
  await Promise.all(upstreams.splice(0).map((one) => one.close()));
});

const MAIL = "grace@example.com";
const TOKENISE = { strategies: { EMAIL: "tokenise" } } as const;

/** An upstream that tells a mail address, and two services on it and on another one. */
async function world(masking: GuardOptions["masking"] = TOKENISE, further: Partial<GuardOptions> = {}) {
  const api = await startUpstream((_, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ email: MAIL, again: `to ${MAIL}` }));
  });
  const other = await startUpstream();
  upstreams.push(api, other);
  const service = (origin: string) => ({ origins: [origin], addresses: ["127.0.0.0/8"] });
  const rule = { effect: "allow", methods: ["GET", "POST"], path: "/**" } as const;
  const made = await testGuard({
    policy: {
      version: 1,
      services: { api: service(api.origin), other: service(other.origin) },
      rules: [
        { id: "api", service: "api", ...rule },
        { id: "other", service: "other", ...rule },
      ],
    },
    ...(masking === undefined ? {} : { masking }),
    ...further,
  });
  const { email, again } = (await (await made.session.fetch(`${api.origin}/a`)).json()) as Record<string, string>;
  return { ...made, api, other, token: String(email), again: String(again) };
}

const post = (type: string, body: string): RequestInit => ({ method: "POST", headers: { "content-type": type }, body });
const codeOf = (call: Promise<unknown>): Promise<string | undefined> =>
  call.then(
    () => "no error",
    (error: unknown) => findGuardError(error)?.code,
  );

describe("a placeholder", () => {
  it("m: is the same for the same value, in every answer of a session", async () => {
    const { token, again, api, session } = await world();
    expect(token).toMatch(/^\[\[tok:EMAIL:[a-p]{32}:[a-p]{8}\]\]$/);
    expect(again).toBe(`to ${token}`);
    expect(((await (await session.fetch(`${api.origin}/b`)).json()) as { email: string }).email).toBe(token);
  });

  it("r: works in JSON, forms and the query, written as each of them needs it", async () => {
    const { token, api, session } = await world();
    await session.fetch(`${api.origin}/a`, post("application/json", JSON.stringify({ to: token, n: 1 })));
    await session.fetch(
      `${api.origin}/a`,
      post("application/x-www-form-urlencoded", `to=${encodeURIComponent(token)}&n=1`),
    );
    await session.fetch(`${api.origin}/a?to=${encodeURIComponent(token)}&n=1`);
    const [, json, form, query] = api.received;
    expect(json?.body.toString()).toBe(`{"to":"${MAIL}","n":1}`);
    expect(form?.body.toString()).toBe("to=grace%40example.com&n=1");
    expect(query?.url).toBe("/a?to=grace%40example.com&n=1");
  });

  it("q: is found in a body that flows, wherever it is cut", async () => {
    const { token, api, session } = await world();
    const text = JSON.stringify({ to: token, note: "[[x" });
    for (const at of [7, 8, 10, 20, 50, 60]) {
      const body = new ReadableStream({
        start(controller) {
          for (const part of [text.slice(0, at), text.slice(at)]) controller.enqueue(Buffer.from(part));
          controller.close();
        },
      });
      const init = { method: "POST", headers: { "content-type": "application/json" }, body, duplex: "half" };
      await session.fetch(`${api.origin}/a`, init as RequestInit);
      expect(api.received.at(-1)?.body.toString()).toBe(`{"to":"${MAIL}","note":"[[x"}`);
    }
  });

  it("p: is refused where it was altered, and is never sent as it is", async () => {
    const { token, api, session } = await world();
    const seen = api.received.length;
    const wrong = [
      token.replace("EMAIL", "PHONE"),
      token.slice(0, -12),
      token.replace(/:[a-p]{8}\]\]$/, ":aaaaaaaa]]"),
      token.replace("tok:", "tok:X"),
    ];
    for (const text of wrong)
      expect(
        await codeOf(session.fetch(`${api.origin}/a`, post("application/json", JSON.stringify({ to: text })))),
      ).toBe("PLACEHOLDER_UNRESOLVED");
    expect(await codeOf(session.fetch(`${api.origin}/a/${encodeURIComponent(token)}`))).toBe("PLACEHOLDER_UNRESOLVED");
    expect(api.received).toHaveLength(seen);
  });

  describe('with scope "principal"', () => {
    const SHARED = { ...TOKENISE, placeholders: { scope: "principal" } } as const;
    const ADA = { id: "ada", type: "human", tenant: "acme" } as const;
    const open = (guard: Guard, principal: Principal, agentId: string) =>
      guard.openSession({ principal, agent: { id: agentId }, purpose: "test" });

    it("works in a later session of the same principal and agent", async () => {
      const { guard, api, token, session } = await world(SHARED);
      await session.close();
      const later = await open(guard, ADA, session.agent.id);
      await later.fetch(`${api.origin}/a?to=${encodeURIComponent(token)}`);
      expect(api.received.at(-1)?.url).toBe(`/a?to=${encodeURIComponent(MAIL)}`);
    });

    it.each<[who: string, principal: Principal, agentId?: string]>([
      ["another principal", { ...ADA, id: "bob" }],
      ["a principal of the same id in another tenant", { ...ADA, tenant: "other" }],
      ["a principal of the same id that somebody else vouches for", { ...ADA, issuer: "https://elsewhere.example" }],
      ["a service with the id of a person", { ...ADA, type: "service" }],
      ["another agent", ADA, "other-bot"],
    ])("is refused for %s", async (_who, principal, agentId) => {
      const { guard, api, token, session } = await world(SHARED);
      const other = await open(guard, principal, agentId ?? session.agent.id);
      const sent = api.received.length;
      expect(await codeOf(other.fetch(`${api.origin}/a?to=${encodeURIComponent(token)}`))).toBe(
        "PLACEHOLDER_UNRESOLVED",
      );
      expect(api.received).toHaveLength(sent);
    });

    it("is forgotten when the agent is revoked, and after its time", async () => {
      const clock = fakeClock();
      const { guard, api, token, session } = await world(
        { ...SHARED, placeholders: { scope: "principal", ttlMs: 60_000 } },
        { clock },
      );
      const again = await open(guard, ADA, session.agent.id);
      await clock.advance(60_001);
      expect(await codeOf(again.fetch(`${api.origin}/a?to=${encodeURIComponent(token)}`))).toBe(
        "PLACEHOLDER_UNRESOLVED",
      );
      const { email } = (await (await again.fetch(`${api.origin}/a`)).json()) as { email: string };
      await guard.revoke({ agent: session.agent.id });
      const later = await open(guard, ADA, session.agent.id);
      expect(await codeOf(later.fetch(`${api.origin}/a?to=${encodeURIComponent(email)}`))).toBe(
        "PLACEHOLDER_UNRESOLVED",
      );
    });
  });

  it("o: of another session is refused", async () => {
    const { token, api, guard } = await world();
    const second = await guard.openSession({
      principal: { id: "bob", type: "human" },
      agent: { id: "a" },
      purpose: "p",
    });
    expect(await codeOf(second.fetch(`${api.origin}/a`, post("text/plain", token)))).toBe("PLACEHOLDER_UNRESOLVED");
  });

  it("goes to no other origin, unless that is opened to its kind", async () => {
    const { token, other, session } = await world();
    expect(await codeOf(session.fetch(`${other.origin}/a`, post("text/plain", token)))).toBe("PLACEHOLDER_UNRESOLVED");
    expect(other.received).toEqual([]);
    const opened = await world({ ...TOKENISE, placeholders: { origins: { EMAIL: [] } } });
    expect(await codeOf(opened.session.fetch(`${opened.other.origin}/a`, post("text/plain", opened.token)))).toBe(
      "PLACEHOLDER_UNRESOLVED",
    );
  });

  it("goes to no other field than those its kind is bound to, also in a member that stands twice", async () => {
    const { token, api, session } = await world({ ...TOKENISE, placeholders: { fields: { EMAIL: ["to"] } } });
    const call = (body: string): Promise<string | undefined> =>
      codeOf(session.fetch(`${api.origin}/a`, post("application/json", body)));
    expect(await call(`{"to":"${token}"}`)).toBe("no error");
    expect(await call(`{"note":"${token}"}`)).toBe("PLACEHOLDER_UNRESOLVED");
    expect(await call(`{"to":"${token}","to":"x"}`)).toBe("PLACEHOLDER_UNRESOLVED");
    expect(await codeOf(session.fetch(`${api.origin}/a?note=${encodeURIComponent(token)}`))).toBe(
      "PLACEHOLDER_UNRESOLVED",
    );
  });

  it("expires", async () => {
    const clock = fakeClock();
    const { token, api, session } = await world({ ...TOKENISE, placeholders: { ttlMs: 1000 } }, { clock });
    await clock.advance(1001);
    expect(await codeOf(session.fetch(`${api.origin}/a`, post("text/plain", token)))).toBe("PLACEHOLDER_UNRESOLVED");
  });

  it("is all that the record and the policy see", async () => {
    const { token, api, session, directory } = await world();
    await session.fetch(`${api.origin}/a?to=${encodeURIComponent(token)}`);
    expect(JSON.stringify(recordedEvents(directory))).not.toContain("grace");
  });

  it("names what is wrong with its options", async () => {
    await expect(
      world({ placeholders: { ttlMs: 0, origins: { EMAIL: ["crm"] }, fields: { EMAIL: [""] } } }),
    ).rejects.toThrow(/ttlMs.*origins.*fields/s);
  });
});
