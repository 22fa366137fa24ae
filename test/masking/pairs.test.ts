import { describe, expect, it } from "vitest";
import { everyChunking, JSON_TYPE, whole } from "./support.js";

const masked = (body: unknown): unknown => JSON.parse(whole(JSON_TYPE, JSON.stringify(body)));
const GENERIC = "[REDACTED:SECRET:generic]";

describe("a value that a member beside it names", () => {
  it.each([
    ["name", "value", "DB_PASSWORD"],
    ["key", "value", "client_secret"],
    ["Key", "Value", "API_TOKEN"],
    ["variable", "currentValue", "apiKey"],
    ["header", "val", "Authorization"],
  ])("is judged by it: %s and %s", (name, value, given) => {
    const body = { [name]: given, type: "string", [value]: "hunter2-Zq8x" };
    expect(masked([body])).toEqual([{ ...body, [value]: GENERIC }]);
  });

  it("is judged by it one level down, and as a number", () => {
    expect(
      masked({
        attributes: [
          { key: "db.password", value: { stringValue: "hunter2-Zq8x" } },
          { key: "ssn", value: 536228731 },
        ],
      }),
    ).toEqual({
      attributes: [
        { key: "db.password", value: { stringValue: GENERIC } },
        { key: "ssn", value: "[REDACTED:US_SSN]" },
      ],
    });
  });

  it.each([
    [{ name: "DB_PASSWORD", other: { value: "hunter2-Zq8x" } }],
    [[{ name: "DB_PASSWORD" }, { value: "hunter2-Zq8x" }]],
    [{ a: { name: "DB_PASSWORD" }, b: [{ value: 1 }, "hunter2-Zq8x"] }],
    [{ a: { name: "DB_PASSWORD" }, b: [{ value: 1 }, { value: "hunter2-Zq8x" }] }],
    [{ name: "DB_HOST", value: "hunter2-Zq8x" }],
    [{ name: `${"a long text ".repeat(5)} password`, value: "hunter2-Zq8x" }],
    [{ name: ["DB_PASSWORD"], value: "hunter2-Zq8x" }],
  ])("is not judged by a name of something else: %j", (body) => {
    expect(masked(body)).toEqual(body);
  });

  it("is not judged by a name that was masked", () => {
    const once = whole(JSON_TYPE, '{"name":"US_SSN 536-22-8731","value":536228731}');
    expect(whole(JSON_TYPE, once)).toBe(once);
  });

  it("is masked the same for every chunking", () => {
    const body =
      '{"env":[{"name":"DB_PASSWORD","value":"hunter2-Zq8x"},{"name":"A long name of a thing, and more of it, and more","value":"x"}]}';
    expect(everyChunking(JSON_TYPE, body)).toEqual(new Set([body.replace("hunter2-Zq8x", GENERIC)]));
  });
});
