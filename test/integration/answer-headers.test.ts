import { describe, expect, it, onTestFinished } from "vitest";
import type { GuardOptions, Session } from "../../src/index.js";
import { testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

const TOKEN = `ghp_${"wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"}`;

type Answer = NonNullable<Parameters<typeof startUpstream>[0]>;

async function world(answer: Answer, masking?: GuardOptions["masking"]): Promise<{ api: Upstream; session: Session }> {
  const api = await startUpstream(answer);
  onTestFinished(() => api.close());
  const { session } = await testGuard({
    policy: {
      version: 1,
      services: { api: { origins: [api.origin], addresses: ["127.0.0.0/8"] } },
      rules: [{ id: "all", effect: "allow", service: "api", methods: ["GET", "POST"], path: "/**" }],
    },
    ...(masking === undefined ? {} : { masking }),
  });
  return { api, session };
}

/** What the agent sees of a header field of an answer. */
async function seen(name: string, value: string, masking?: GuardOptions["masking"]): Promise<string | null> {
  const { api, session } = await world((_, response) => response.setHeader(name, value).end("x"), masking);
  return (await session.fetch(`${api.origin}/a`)).headers.get(name);
}

describe("a header field of an answer", () => {
  it.each([
    ["location", `/reset?email=jane%40example.com&step=2`, "/reset?email=%5BREDACTED%3AEMAIL%5D&step=2"],
    [
      "location",
      "/cb#access_token=Zx81-kkq0-11ab-77&state=5",
      "/cb#access_token=%5BREDACTED%3ASECRET%3Ageneric%5D&state=5",
    ],
    [
      "location",
      "http://app:hunter22@127.0.0.1:1/x",
      "http://app:[REDACTED:URL_CREDENTIALS]@[REDACTED:IP_ADDRESS]:1/x",
    ],
    [
      "link",
      `<http://127.0.0.1:1/x?token=${TOKEN}>; rel="next"`,
      `<http://127.0.0.1:1/x?token=%5BREDACTED%3ASECRET%3Agithub_token%5D>; rel="next"`,
    ],
    [
      "www-authenticate",
      `Bearer error_description="${TOKEN} has expired"`,
      'Bearer error_description="[REDACTED:SECRET:github_token] has expired"',
    ],
    ["x-customer", "Jane <jane@example.com>", "Jane <[REDACTED:EMAIL]>"],
    ["x-client-secret", "Zx81-kkq0-11ab-77", "[REDACTED:SECRET:generic]"],
    ["set-cookie", "sid=abc; Path=/", "sid=[REDACTED:COOKIE]; Path=/"],
  ])("%s: %s is masked", async (name, value, expected) => {
    expect(await seen(name, value)).toBe(expected);
  });

  it.each([
    ["location", "http://127.0.0.1:8080/accounts/42?page=2"],
    ["link", '<https://api.example/x?cursor=abc&next_page_token=Zx81-kkq0-11ab-77>; rel="next"'],
    ["x-csrf-token", "Zx81-kkq0-11ab-77"],
    ["x-request-id", "550e8400-e29b-41d4-a716-446655440000"],
    ["x-ratelimit-reset", "1748503543"],
    ["etag", '"4111111111111111"'],
  ])("%s: %s stays as it is", async (name, value) => {
    expect(await seen(name, value)).toBe(value);
  });

  it("holds a placeholder that the agent can send back, where it is to be tokenised", async () => {
    const { api, session } = await world(
      (_, response) => response.setHeader("location", "/next?email=jane%40example.com").end("x"),
      { strategies: { EMAIL: "tokenise" } },
    );
    const location = (await session.fetch(`${api.origin}/a`)).headers.get("location") ?? "";
    expect(location).toMatch(/^\/next\?email=%5B%5Btok%3AEMAIL%3A/);
    await session.fetch(new URL(location, api.origin));
    expect(api.received.at(-1)?.url).toBe("/next?email=jane%40example.com");
  });

  it("is not masked where masking is off", async () => {
    expect(await seen("x-customer", "jane@example.com", false)).toBe("jane@example.com");
  });
});

describe("the URL that a redirect led to", () => {
  it("is masked like a header, and stays a URL of the same place", async () => {
    const { api, session } = await world((request, response) => {
      if (request.url !== "/a") return void response.end("x");
      response.writeHead(302, { location: `/signed/jane@example.com?token=${TOKEN}&n=1` }).end();
    });
    const { url } = await session.fetch(`${api.origin}/a`);
    expect(api.received.at(-1)?.url).toBe(`/signed/jane@example.com?token=${TOKEN}&n=1`);
    expect(url).toBe(`${api.origin}/signed/[REDACTED:EMAIL]?token=%5BREDACTED%3ASECRET%3Agithub_token%5D&n=1`);
  });

  it("is what the agent asked for where there was no redirect", async () => {
    const { api, session } = await world((_, response) => void response.end("x"));
    expect((await session.fetch(`${api.origin}/to/jane@example.com`)).url).toBe(`${api.origin}/to/jane@example.com`);
  });
});
