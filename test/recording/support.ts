import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { onTestFinished } from "vitest";
import type { GuardOptions, PolicyDocument } from "../../src/index.js";
import { loopbackPolicy, type TestGuard, testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

export type Line = { readonly type: string; readonly [field: string]: unknown };

export interface Scene extends TestGuard {
  readonly api: Upstream;
  /** Lines of the session so far. */
  readonly lines: () => readonly Line[];
  /** The session's directory. */
  readonly place: () => string;
}

/** A guard in front of a server, with one rule that allows everything and records at `level`. */
export async function scene(
  level: NonNullable<PolicyDocument["rules"][number]["record"]>,
  answer?: Parameters<typeof startUpstream>[0],
  options: Omit<Partial<GuardOptions>, "policy"> & { readonly rules?: PolicyDocument["rules"] } = {},
): Promise<Scene> {
  const api = await startUpstream(answer);
  onTestFinished(() => api.close());
  const { rules = [], ...others } = options;
  const all = { id: "all", effect: "allow", service: "api", path: "/**", record: level } as const;
  const policy = loopbackPolicy(api.origin, [...rules, { ...all, methods: ["GET", "POST", "PUT", "HEAD"] }]);
  const guard = await testGuard({ policy, ...others });
  const place = (): string => {
    const [writer = ""] = readdirSync(guard.directory).filter((name) => name.length === 36);
    return join(guard.directory, writer, guard.session.id);
  };
  return {
    ...guard,
    api,
    place,
    lines: () =>
      readFileSync(join(place(), "000000.jsonl"), "utf8")
        .trimEnd()
        .split("\n")
        .map((line) => JSON.parse(line) as Line),
  };
}

export interface RecordedBody {
  readonly level: string;
  readonly bytes: number;
  readonly captured?: number;
  readonly complete: boolean;
  readonly truncated?: boolean;
  readonly mac?: string;
  readonly inline?: string;
  readonly blob?: string;
  readonly encoding?: string;
}

export function bodyOf(line: Line | undefined, side: "req_body" | "res_body"): RecordedBody {
  return line?.[side] as RecordedBody;
}

/** What was kept of a body. */
export function keptBytes(place: string, body: RecordedBody): Buffer {
  if (body.inline !== undefined) return Buffer.from(body.inline);
  const stored = readFileSync(join(place, "bodies", String(body.blob).slice(0, 2), String(body.blob)));
  return body.encoding === "gzip" ? gunzipSync(stored) : stored;
}

/** The fingerprint of a body, computed from the description of the format. */
export function macOf(directory: string, ...parts: readonly (string | Uint8Array)[]): string {
  const key = Buffer.from(readFileSync(join(directory, "mac.key"), "utf8").trim(), "hex");
  const mac = createHmac("sha256", key);
  for (const part of parts) mac.update(part);
  return mac.digest("hex");
}

export const outcomeOf = (lines: readonly Line[]): Line | undefined =>
  lines.findLast(({ type }) => ["request.completed", "request.failed", "request.aborted"].includes(type));
export const intentOf = (lines: readonly Line[]): Line | undefined =>
  lines.findLast(({ type }) => type === "request.intent");

/** The recorded headers of a line. */
export const headersOf = (line: Line | undefined, name: "req_headers" | "res_headers"): readonly [string, string][] =>
  ((line?.["http"] ?? {}) as Record<string, [string, string][]>)[name] ?? [];
