import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type ApprovalRequest, renderCard } from "../../src/approval/index.js";
import { visible, visibleLines } from "../../src/approval/visible.js";
import { draftOf } from "./support.js";

const request = (change: Partial<ApprovalRequest> = {}): ApprovalRequest => ({
  ...draftOf(),
  id: "ap_1",
  attempt: 1,
  quorum: { met: false, entries: [{ name: "approver", n: 1, approvedBy: [] }] },
  reminderNo: 0,
  grant: { uses: 1, ttlMs: 300_000 },
  createdAt: "2026-01-15T12:00:00.000Z",
  expiresAt: "2026-01-18T12:00:00.000Z",
  ...change,
});
const withBody = (preview: string, truncated = false, bytes = Buffer.byteLength(preview)): ApprovalRequest => {
  const { http } = request();
  return request({ http: { ...http, body: { ...http.body, preview, truncated, bytes } } });
};
/** Everything a line of ours can begin with. */
const OURS =
  /^(?:Approval | {2}(?:method|host|path|query|header|body|agent|rule|reason|risk|expires) | {2}TRUNCATED: | {2}The agent claims| {12}| {4}\| )/;

describe("the card", () => {
  test("45: shows what would be sent, for whom, under which rule, with sizes", () => {
    const { http } = request();
    const card = renderCard(
      request({
        http: { ...http, query: [["tag", "a b"]], headers: { "if-match": '"v1"' } },
        why: {
          ruleId: "refunds",
          policyDigest: "sha256:0123456789abcdef0123",
          reason: "Money leaves the house.",
          risk: "high",
        },
        agentReason: "The customer asked.",
      }),
    );
    expect(card.split("\n")).toEqual([
      "Approval ap_1",
      "  method    POST",
      "  host      https://ledger.internal.example",
      "  path      /v1/refunds",
      '  query     "tag" = "a b"',
      '  header    if-match: "v1"',
      `  body      14 bytes, application/json, SHA-256 ${http.body.sha256}`,
      '    | {"amount":100}',
      "  agent     billing-bot for u1 (tenant acme)",
      "  rule      refunds (policy sha256:0123456789ab)",
      "  reason    Money leaves the house.",
      "  risk      high",
      "  expires   2026-01-18T12:00:00.000Z",
      "  The agent claims, and nobody has checked:",
      "    | The customer asked.",
    ]);
  });

  test("45: says when the body is cut, and by how much", () => {
    expect(renderCard(withBody("x".repeat(100), true, 5000))).toMatch(
      /TRUNCATED: only about 100 of 5000 bytes are shown/,
    );
    const long = renderCard(withBody(Array.from({ length: 200 }, (_, line) => `${line}`).join("\n")));
    expect(long).toMatch(/TRUNCATED: 120 more lines are not shown/);
    expect(renderCard(withBody("short"))).not.toMatch(/TRUNCATED/);
    expect(renderCard(withBody("", false, 0))).toMatch(/ {2}body {6}none/);
  });

  test("46, 47: nothing that an agent wrote can begin a line like one of ours, whatever it writes and however wide the terminal", () => {
    const nasty = fc.string({
      unit: fc.constantFrom(
        "\n",
        "\r",
        "\t",
        "\u2028",
        "\u0085",
        "\u001b",
        "\u0008",
        "\u202e",
        "\u200b",
        " ",
        "a",
        "漢",
        "  method    GET",
        "|",
      ),
      maxLength: 40,
    });
    fc.assert(
      fc.property(nasty, nasty, nasty, fc.integer({ min: 48, max: 120 }), (claim, body, name, width) => {
        const card = renderCard(
          {
            ...withBody(body),
            agentReason: claim,
            subject: { tenant: name, agent: name, onBehalfOf: name },
            why: { ruleId: name, policyDigest: name, reason: name },
            http: { ...withBody(body).http, query: [[name, claim]], headers: { "if-match": name } },
          },
          width,
        );
        const lines = card.split("\n");
        expect(lines.filter((line) => line.startsWith("  method "))).toEqual(["  method    POST"]);
        for (const line of lines) {
          expect(line).toMatch(OURS);
          expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
          // The digest's line is ours alone; nothing else may be longer than the terminal, which would wrap it.
          if (!line.includes("SHA-256")) expect(line.length).toBeLessThanOrEqual(width);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("visible text", () => {
  test("46: shows bidi, zero-width, control, tag and blank characters, odd spaces, and long padding", () => {
    const hidden = [
      "\u202e",
      "\u2066",
      "\u200b",
      "\u200d",
      "\ufeff",
      "\u0000",
      "\u001b",
      "\u009b",
      "\u{e0041}",
      "\ufe0f",
      "\u00ad",
      "\u034f",
      "\u115f",
      "\u3164",
      "\u2800",
      "\u00a0",
      "\u3000",
      "\ud800",
      "\ue000",
      "\u2028",
      "\u180e",
    ];
    for (const character of hidden) {
      const shown = visible(`a${character}b`);
      const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0");
      expect(shown).toBe(`a⟨U+${code}⟩b`);
    }
    expect(visible("a\nb\r\tc")).toBe("a⟨line feed⟩b⟨carriage return⟩⟨tab⟩c");
    expect(visible(`safe${" ".repeat(200)}evil`)).toBe("safe⟨200 blanks⟩evil");
    expect(visible("z\u0301\u0301\u0301\u0301")).toBe("z\u0301\u0301⟨U+0301⟩⟨U+0301⟩");
  });

  test("leaves ordinary writing as it is", () => {
    for (const text of ["Grüße, Łódź", "日本語", "Ελληνικά", "naïve e\u0301", "a  b", "😀"])
      expect(visible(text)).toBe(text);
  });

  test("46: is never the same for two texts", () => {
    const text = fc.string({
      unit: fc.constantFrom(
        "\u200b",
        "⟨U+200B⟩",
        "⟨",
        "⟩",
        "U+200B",
        "\n",
        "⟨line feed⟩",
        " ",
        "         ",
        "⟨9 blanks⟩",
      ),
      maxLength: 6,
    });
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(visible(a) === visible(b)).toBe(a === b);
      }),
      { numRuns: 2000 },
    );
  });

  test("folds lines before the terminal does, counting wide characters twice", () => {
    expect(visibleLines("abcdef\ngh", 4)).toEqual(["abcd", "ef", "gh"]);
    expect(visibleLines("漢字漢字", 4)).toEqual(["漢字", "漢字"]);
    expect(visibleLines("", 4)).toEqual([""]);
  });
});
