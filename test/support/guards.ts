import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createGuard, type Guard, type GuardOptions, type PolicyDocument, type Session } from "../../src/index.js";
import { checkedEvent } from "./event-schema.js";

/** A directory that is gone after the test. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "sallyport-test-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Every event of every session below an audit directory, in order, each of which the published schema describes. */
export function recordedEvents(
  directory: string,
): readonly { readonly type: string; readonly [field: string]: unknown }[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /^[0-9]+\.jsonl$/.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
    .flatMap((file) => readFileSync(file, "utf8").trim().split("\n"))
    .map((line) => checkedEvent(line) as { type: string });
}

/** A silent log that remembers. */
export function silentLog(): NonNullable<GuardOptions["log"]> & { readonly lines: string[] } {
  const lines: string[] = [];
  const note = (fields: unknown, message: string): void => void lines.push(JSON.stringify([fields, message]));
  return { lines, debug: note, info: note, warn: note, error: note };
}

/** A policy with one service `api` on a loopback origin. */
export const loopbackPolicy = (
  origin: string,
  rules: PolicyDocument["rules"],
  service: Partial<PolicyDocument["services"][string]> = {},
): PolicyDocument => ({
  version: 1,
  id: "test",
  services: { api: { origins: [origin], addresses: ["127.0.0.0/8"], ...service } },
  rules,
});

export interface TestGuard {
  readonly guard: Guard;
  readonly session: Session;
  readonly directory: string;
  readonly log: ReturnType<typeof silentLog>;
}

/** A guard with one open session; both are closed after the test. */
export async function testGuard(options: GuardOptions): Promise<TestGuard> {
  const directory = options.audit?.directory ?? temporaryDirectory();
  const log = silentLog();
  const guard = await createGuard({ log, ...options, audit: { sync: "os", ...options.audit, directory } });
  onTestFinished(() => guard.close());
  const session = await guard.openSession({
    principal: { id: "ada", type: "human", tenant: "acme", email: "ada@acme.example", groups: ["support"] },
    agent: { id: "test-agent" },
    purpose: "testing",
  });
  return { guard, session, directory, log };
}
