import { readdir, stat } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { inertJson, printable } from "../audit/text.js";
import {
  compilePolicy,
  type DecisionContext,
  diffPolicies,
  learnPolicy,
  type Observation,
  type Policy,
  type PolicyCase,
  standIns,
  testPolicy,
} from "../policy/index.js";
import { loadLibrariesFor } from "../policy/libraries.js";
import { readPolicyFile } from "../policy-file.js";
import type { Command } from "./command.js";
import type { CommandOutput } from "./command-output.js";
import { EXIT, readNamedFile, UsageError } from "./io.js";

/** Exit code of `policy diff` when something became wider. */
export const WIDER_EXIT = 3;

type Members = Readonly<Record<string, unknown>>;

/** Adds `test`, `diff` and `learn` to `sallyport policy`. `contextOf` completes what a case says of who asks. */
export function addPolicyTools(
  policy: Command,
  output: CommandOutput,
  contextOf: (who: Members) => DecisionContext,
): void {
  policy
    .command("test")
    .description("run a list of cases against a policy")
    .argument("<file>", "the policy, JSON or YAML")
    .argument("<cases>", "a JSON list of { id, policy, request: { method, url, headers, body }, who, expect, rule }")
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      "\nCases that name another policy, by its id or its file, are skipped.\n\nExit codes: 0 all as expected, 1 a miss, nothing tested, or the policy does not load, 64 wrong usage.",
    )
    .action(async (file: string, path: string, { json }: { json?: boolean }) => {
      const cases = casesIn(await readJson(path), path, contextOf);
      const names = [basename(file), basename(file, extname(file))];
      const report = testPolicy(await loadPolicyFile(file), cases, contextOf({}), names);
      const lines = report.results.map(
        ({ name, outcome, expected, got }) =>
          `${outcome.toUpperCase().padEnd(8)}${name}  expected ${expected}${got === undefined ? "" : `, got ${got.effect} ${got.rule ?? got.code}`}`,
      );
      const total = `${report.passed} passed, ${report.missed} missed, ${report.skipped} skipped`;
      output.write(json === true ? asJson(report) : inLines([...lines, total]));
      // Nothing tested is nothing shown, however green.
      if (report.missed > 0 || report.passed === 0) output.exit(EXIT.failed);
    });
  policy
    .command("diff")
    .description("say what became wider and what narrower between two policies")
    .argument("<old>", "the policy as it was")
    .argument("<new>", "the policy as it will be")
    .option("--json", "print the difference as JSON")
    .addHelpText("after", "\nExit codes: 0 same or narrower, 3 wider, 1 a policy does not load, 64 wrong usage.")
    .action(async (old: string, next: string, { json }: { json?: boolean }) => {
      const [before, after] = [await loadPolicyFile(old), await loadPolicyFile(next)];
      const diff = diffPolicies(before.document, after.document);
      const lines = [
        ...diff.wider.map((text) => `WIDER     ${text}`),
        ...diff.narrower.map((text) => `narrower  ${text}`),
      ];
      output.write(json === true ? asJson(diff) : inLines(lines.length === 0 ? ["SAME"] : lines));
      if (diff.wider.length > 0) output.exit(WIDER_EXIT);
    });
  policy
    .command("learn")
    .description("write the smallest policy that covers recorded requests, for review")
    .argument("<recordings...>", "audit directories, .jsonl segments, HAR files, or JSON lists of { method, url }")
    .option("--json", "print the policy with the number of requests left out")
    .addHelpText("after", "\nExit codes: 0 done, 64 wrong usage.")
    .action(async (paths: readonly string[], { json }: { json?: boolean }) => {
      const seen: Observation[] = [];
      for (const path of paths) for (const one of await observationsIn(path, SENT)) seen.push(one);
      const learnt = learnPolicy(seen);
      output.write(asJson(json === true ? learnt : learnt.document));
    });
}

/** Compiles a file on its own: whatever it asks of predicates in code is taken to be answered with yes. */
export async function loadPolicyFile(file: string): Promise<Policy> {
  const document = await readPolicyFile(file);
  await loadLibrariesFor(document);
  return compilePolicy(document, { predicates: standIns(document) });
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(`${path} is not JSON`);
  }
}

const readJson = async (path: string): Promise<unknown> => parse(readNamedFile(path).toString("utf8"), path);

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const WORDS: readonly unknown[] = ["allow", "approve", "deny", "normalise"];

function casesIn(list: unknown, path: string, contextOf: (who: Members) => DecisionContext): readonly PolicyCase[] {
  if (!Array.isArray(list)) throw new UsageError(`${path} must be a list of cases`);
  return list.map((one: unknown, index): PolicyCase => {
    const sound = isObject(one) && isObject(one["request"]) && WORDS.includes(one["expect"]);
    if (!sound)
      throw new UsageError(`${path}: case ${index + 1} needs \`request\` and \`expect\` (allow, approve, deny)`);
    const who = one["who"] ?? one["context"];
    return { ...(one as unknown as PolicyCase), context: contextOf(isObject(who) ? who : {}) };
  });
}

/** Types of events: of requests that were let through, and of all that were asked. */
const SENT: ReadonlySet<unknown> = new Set(["request.intent"]);
export const ASKED: ReadonlySet<unknown> = new Set(["request.intent", "request.denied"]);

/** The requests in an audit directory, a segment of a record (those of these types), a HAR file or a list. */
export async function observationsIn(path: string, types: ReadonlySet<unknown>): Promise<readonly Observation[]> {
  const found = await stat(path).catch(() => null);
  if (found?.isDirectory() === true) {
    const names = (await readdir(path, { recursive: true })).filter((name) => name.endsWith(".jsonl")).sort();
    return (await Promise.all(names.map((name) => observationsIn(join(path, name), types)))).flat();
  }
  const text = readNamedFile(path).toString("utf8");
  if (path.endsWith(".jsonl")) {
    const events = text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => parse(line, path));
    return events.flatMap((event) =>
      isObject(event) && types.has(event["type"]) ? observation(event["http"], event["dropped_headers"]) : [],
    );
  }
  const value = parse(text, path);
  if (Array.isArray(value)) return value.flatMap((one: unknown) => observation(one));
  const log = isObject(value) ? value["log"] : undefined;
  const entries = isObject(log) ? log["entries"] : undefined;
  if (!Array.isArray(entries)) throw new UsageError(`${path} is neither a HAR file nor a list of { method, url }`);
  return entries.flatMap((entry: unknown) => (isObject(entry) ? observation(entry["request"]) : []));
}

function observation(value: unknown, dropped: unknown = []): readonly Observation[] {
  if (!isObject(value)) return [];
  const { method, url } = value as { method?: unknown; url?: unknown };
  if (typeof method !== "string" || typeof url !== "string") return [];
  const droppedHeaders = Array.isArray(dropped) ? dropped.filter((name) => typeof name === "string") : [];
  return [droppedHeaders.length === 0 ? { method, url } : { method, url, droppedHeaders }];
}

const inLines = (lines: readonly string[]): string => `${lines.map(printable).join("\n")}\n`;

const asJson = (value: unknown): string => `${inertJson(JSON.stringify(value, null, 2))}\n`;
