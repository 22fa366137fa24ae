import { describe, expect, it } from "vitest";
import { readBody } from "../../src/request/body/body.js";
import { readStrictJson } from "../../src/request/body/json.js";
import { readMultipart } from "../../src/request/body/multipart.js";
import { canonicalHeaders } from "../../src/request/headers.js";
import { canonicalPath } from "../../src/request/path.js";
import { canonicalUrl } from "../../src/request/url.js";

/** Each bound, at it and one beyond. */
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const part = (name: string, content = "x"): string =>
  `Content-Disposition: form-data; name="${name}"\r\n\r\n${content}\r\n`;
const form = (parts: number, boundary = "b"): string =>
  `${`--${boundary}\r\n${part("a")}`.repeat(parts)}--${boundary}--`;

describe("a bound holds at its last value, and not one beyond", () => {
  it.each<[string, number, (size: number) => boolean]>([
    ["parts of a form", 1000, (size) => readMultipart(bytes(form(size)), "b") !== null],
    [
      "characters of a boundary",
      70,
      (size) => readMultipart(bytes(form(1, "b".repeat(size))), "b".repeat(size)) !== null,
    ],
    [
      "bytes of a part's head",
      4096,
      (size) => {
        const head = `Content-Disposition: form-data; name="${"n".repeat(size - 43)}"\r\n\r\n`;
        expect(head).toHaveLength(size);
        return readMultipart(bytes(`--b\r\n${head}x\r\n--b--`), "b") !== null;
      },
    ],
    [
      "fields of a form",
      10_000,
      (size) =>
        readBody(bytes(Array.from({ length: size }, () => "a=1").join("&")), { kind: "form", mediaType: "x" }).kind ===
        "form",
    ],
    ["depth of JSON", 64, (size) => readStrictJson(bytes("[".repeat(size) + "]".repeat(size))).ok],
    [
      "depth of JSON that a caller sets",
      512,
      (size) => readStrictJson(bytes("[".repeat(size) + "]".repeat(size)), { maxDepth: 9999 }).ok,
    ],
    [
      "header fields",
      256,
      (size) =>
        canonicalHeaders(
          Array.from({ length: size }, (_, i) => [`x-${i}`, ""]),
          "https://h.example",
        ).ok,
    ],
    [
      "bytes of header fields",
      65_536,
      (size) => canonicalHeaders([["x", "a".repeat(size - 1)]], "https://h.example").ok,
    ],
    ["bytes of a path", 4096, (size) => canonicalPath(`/${"a".repeat(size - 1)}`).ok],
    ["bytes of a path once escaped", 4096, (size) => canonicalPath(`/${"a".repeat(size - 7)}\u00e9`).ok],
    ["characters of a URL", 8192, (size) => canonicalUrl(`https://h.example/?${"a".repeat(size - 19)}`).ok],
  ])("%s: %i", (_what, most, holds) => {
    expect([holds(most), holds(most + 1)]).toEqual([true, false]);
  });
});

describe("a boundary in a form", () => {
  it.each([
    ["--b--", true],
    ["--b--\r\n", true],
    ["--b--\r\n\r\n", false],
    ["--b-- ", false],
    ["--b--x", false],
    ["--b-", false],
    ["--b", false],
    ["--b\r\n", false],
    ["--bx--", false],
    ["--b \r\n", false],
    ["--bx\r\ncontent\r\n--b--", false],
    ["--b\n--b--", false],
    ["--b\r\r\n--b--", false],
  ])("is followed by nothing but what belongs there: %j", (end, isRead) => {
    expect(readMultipart(bytes(`--b\r\n${part("a")}${end}`), "b") !== null).toBe(isRead);
  });

  it.each(["x", " ", "\t", "-", "--", "\n", "\0", "\r", "b", "\r "])(
    "is not one with %j behind it, before the first part",
    (more) => {
      expect(readMultipart(bytes(`--b${more}\r\n${part("a")}--b--`), "b")).toBeNull();
    },
  );

  it("stands on a line of its own", () => {
    expect(readMultipart(bytes(`--b\r\n${part("a", "x--b")}--b--`), "b")).toBeNull();
    expect(readMultipart(bytes(`--b\r\n${part("a", "x\n--b")}--b--`), "b")).toBeNull();
    expect(readMultipart(bytes(`x\r\n--b\r\n${part("a")}--b--`), "b")).toBeNull();
  });
});

describe("a field that repeats what an MCP message says", () => {
  it.each([
    "mcp_method",
    "Mcp_Name",
    "mcp_protocol_version",
    "mcp-param_repo",
    "mcp_param-repo",
    "MCP_PARAM_REPO",
    "mcp_param_repo",
  ])("is refused in the spelling %s, which a server may read as the same", (name) => {
    expect(canonicalHeaders([[name, "1"]], "https://h.example")).toMatchObject({ ok: false, code: "HEADER_REFUSED" });
  });

  it.each(["mcp-method", "mcp-param-repo", "Mcp-Param-Repo", "mcp-param-my_repo"])("passes in its own: %s", (name) => {
    expect(canonicalHeaders([[name, "1"]], "https://h.example")).toMatchObject({ ok: true });
  });
});
