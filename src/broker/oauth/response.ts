import { readStrictJson } from "../../request/body/json.js";
import type { BoundedAnswer } from "../../transport/index.js";

/** An answer for the protocol library: its own limits and ours have been applied, so it reads from memory. */
export function asResponse({ status, headers, bytes }: BoundedAnswer): Response {
  const kept = ["content-type", "www-authenticate"].flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  return new Response(status === 204 || status === 205 ? null : bytes, { status, headers: kept });
}

/** True for `application/json`, whatever its parameters. */
export const isJson = (headers: Headers): boolean =>
  (headers.get("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() === "application/json";

/** The one JSON object of a body, read strictly: duplicate members are no object. */
export function jsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  const read = readStrictJson(bytes);
  if (!read.ok || typeof read.value !== "object" || read.value === null || Array.isArray(read.value)) return undefined;
  return read.value as Readonly<Record<string, unknown>>;
}
