import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { createMasker, type Mint, type OpenOptions } from "../../src/masking/index.js";
import { testGuard } from "../support/guards.js";
import { startUpstream } from "../support/upstream.js";
import { everyChunking, FORM_TYPE, JSON_TYPE, SSE_TYPE, TEXT_TYPE, whole } from "./support.js";

/** How other maskers of streams (a to l) and reversible tokens (m to u) leaked. */
const FAILURES: readonly string[] = [..."abcdefghijklmnopqrstu"];

const TOKEN = `ghp_${"wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"}`;

describe("what failed elsewhere", () => {
  it("is a test of its letter each", () => {
    const root = new URL("../", import.meta.url);
    const found = new Set(
      ["masking", "integration"]
        .flatMap((folder) => readdirSync(new URL(folder, root)).map((name) => new URL(`${folder}/${name}`, root)))
        .filter(({ pathname }) => /masking\/.*\.test\.ts$|placeholders\.test\.ts$/.test(pathname))
        .flatMap((file) => [...readFileSync(file, "utf8").matchAll(/["'`](?:\(([a-u])\)|([a-u]):) \S/g)])
        .map(([, stream, token]) => stream ?? token),
    );
    expect(FAILURES.filter((letter) => !found.has(letter))).toEqual([]);
  });

  it.each<[string, OpenOptions, string]>([
    ["text", TEXT_TYPE, "card 4111 1111 1111 1111, jane@example.com, +1 212 555 0123"],
    ["JSON", JSON_TYPE, '{"card":4111111111111111,"mail":"jane@example.com","phone":"+1 212 555 0123"}'],
    ["events", SSE_TYPE, 'data: {"card":4111111111111111,"mail":"jane@example.com"}\n\ndata: +1 212 555 0123\n\n'],
    ["a form", FORM_TYPE, "card=4111111111111111&mail=jane%40example.com&phone=%2B1+212+555+0123"],
  ])("(n) takes nothing that a mask left in %s for a finding, whatever the strategy", (_what, options, text) => {
    const mint: Mint = (kind) => `[[tok:${kind}:${"abcdefghijklmnop".repeat(2)}:ponmlkji]]`;
    for (const strategy of ["redact", "partial", "hash", "tokenise", "drop"] as const) {
      const by = createMasker({
        strategies: { CREDIT_CARD: strategy, EMAIL: strategy, PHONE: strategy },
        hashKey: "k".repeat(16),
      });
      const once = whole({ ...options, mint }, text, by);
      expect(once).not.toContain("4111");
      expect(whole({ ...options, mint }, once, by), strategy).toBe(once);
    }
  });

  it("(s) masks the arguments of a tool call, and the names in them", () => {
    const call = JSON.stringify({ "jane@example.com": { card: "4111 1111 1111 1111" }, token: TOKEN });
    const answer = { choices: [{ message: { tool_calls: [{ function: { name: "pay", arguments: call } }] } }] };
    const masked = JSON.parse(whole(JSON_TYPE, JSON.stringify(answer))) as typeof answer;
    const [made] = masked.choices[0]?.message.tool_calls ?? [];
    expect(JSON.parse(made?.function.arguments ?? "")).toEqual({
      "[REDACTED:EMAIL]": { card: "[REDACTED:CREDIT_CARD]" },
      token: "[REDACTED:SECRET:github_token]",
    });
    expect(everyChunking(JSON_TYPE, JSON.stringify(answer)).size).toBe(1);
  });

  it("(t) makes placeholders of fresh secrets in an answer, which work where they came from", async () => {
    const fresh = {
      access_token: "fresh-access-7f3a9c21d4e8",
      refresh_token: "fresh-refresh-91bc0e57aa63",
      expires_in: 60,
    };
    const upstream = await startUpstream((_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(fresh));
    });
    try {
      const { session } = await testGuard({
        policy: {
          version: 1,
          services: { auth: { origins: [upstream.origin], addresses: ["127.0.0.0/8"] } },
          rules: [{ id: "refresh", effect: "allow", service: "auth", methods: ["POST"], path: "/**" }],
        },
        masking: { strategies: { SECRET: "tokenise" } },
      });
      const refresh = (body: object): Promise<Response> =>
        session.fetch(`${upstream.origin}/token`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
      const answer = (await (await refresh({})).json()) as typeof fresh;
      expect(answer.access_token).toMatch(/^\[\[tok:SECRET:/);
      expect(answer.refresh_token).toMatch(/^\[\[tok:SECRET:/);
      await refresh({ refresh_token: answer.refresh_token });
      expect(JSON.parse(String(upstream.received.at(-1)?.body))).toEqual({ refresh_token: fresh.refresh_token });
    } finally {
      await upstream.close();
    }
  });

  it("(u) masks a known secret in base64 and line by line, and no value that is too short to be one", () => {
    const options = { ...TEXT_TYPE, secrets: ["a-long-secret\nof-two-lines", "on"] };
    const encoded = Buffer.from("user:a-long-secret").toString("base64");
    const masked = whole(options, `is on: a-long-secret, then of-two-lines, ${encoded}`);
    expect(masked).toMatch(
      /^is on: \[REDACTED:CREDENTIAL\], then \[REDACTED:CREDENTIAL\], \S*\[REDACTED:CREDENTIAL\]\S*$/,
    );
    expect(Buffer.from(masked.split(", ").at(-1)?.split("[")[0] ?? "", "base64").toString()).not.toContain("a-l");
    expect(whole({ ...JSON_TYPE, secrets: ["on"] }, '{"on":"on"}')).toBe('{"on":"on"}');
  });
});
