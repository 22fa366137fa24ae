import { inertJson, printable } from "../audit/text.js";
import { type ConfigurationProblem, PolicyError } from "../errors/guard-error.js";
import {
  checkPolicy,
  type Decision,
  type DecisionContext,
  type Effect,
  type Policy,
  standIns,
} from "../policy/index.js";
import { Command } from "./command.js";
import type { CommandOutput } from "./command-output.js";
import { EXIT, readNamedFile, UsageError } from "./io.js";
import { ASKED, addPolicyTools, loadPolicyFile, observationsIn } from "./policy-tools.js";

/** Exit codes of `policy decide`, so that a script can tell a yes from a question from a no. */
export const DECISION_EXIT: Readonly<Record<Effect, number>> = { allow: 0, approve: 3, deny: 4 };

/** `sallyport policy …`: look for problems in a policy, and ask it about a request. Nothing is sent anywhere. */
export function policyCommand(output: CommandOutput): Command {
  const policy = new Command("policy").description("check a policy, and ask it what it says about a request");
  policy
    .command("check")
    .description("list every problem of a policy at once, and what in it is without effect")
    .argument("<file>", "the policy, JSON or YAML (.yaml, .yml)")
    .option("--json", "print the result as JSON")
    .option("--strict", "exit with 2 when there are warnings")
    .option(
      "--recorded <path>",
      "an audit directory or .jsonl segment: header fields that its requests were sent without; may be given several times",
      collect,
    )
    .addHelpText("after", "\nExit codes: 0 the policy loads, 1 it does not, 2 warnings with --strict, 64 wrong usage.")
    .action((file: string, options: CheckOptions) => check(file, options, output));
  policy
    .command("decide")
    .description("tell what a policy decides about one request, and why; nothing is sent")
    .argument("<file>", "the policy, JSON or YAML (.yaml, .yml)")
    .requiredOption("--method <method>", "the request's method")
    .requiredOption("--url <url>", "the request's URL")
    .option("--header <name: value>", "a header field; may be given several times", collect)
    .option("--body <file>", "a file with the body; its media type is what a content-type header says")
    .option("--who <file>", "a JSON file with `principal`, `agent` and `session`; what is missing is filled in")
    .option("--json", "print the decision as JSON")
    .addHelpText(
      "after",
      `
Example:
  sallyport policy decide policy.json --method POST --url https://crm.internal.example/api/v1/notes \\
    --header "content-type: application/json" --body note.json --who alice.json

Exit codes: 0 allow, 3 approve (a person would be asked), 4 deny, 1 the policy does not load, 64 wrong usage.`,
    )
    .action((file: string, options: DecideOptions) => decide(file, options, output));
  addPolicyTools(policy, output, contextOf);
  return policy;
}

interface CheckOptions {
  readonly json?: boolean;
  readonly strict?: boolean;
  readonly recorded?: readonly string[];
}

interface DecideOptions {
  readonly method: string;
  readonly url: string;
  readonly header?: readonly string[];
  readonly body?: string;
  readonly who?: string;
  readonly json?: boolean;
}

const collect = (value: string, before: readonly string[] = []): readonly string[] => [...before, value];

async function check(
  file: string,
  { json, strict, recorded = [] }: CheckOptions,
  output: CommandOutput,
): Promise<void> {
  const result = await load(file);
  if (Array.isArray(result)) {
    output.write(json === true ? asJson({ ok: false, problems: result }) : describeProblems(file, result));
    output.exit(EXIT.failed);
    return;
  }
  const policy = result as Policy;
  const seen = (await Promise.all(recorded.map((path) => observationsIn(path, ASKED)))).flat();
  const { warnings } = checkPolicy(policy.document, seen);
  const summary = summaryOf(policy);
  output.write(
    json === true
      ? asJson({ ok: true, ...summary, problems: [], warnings })
      : describePolicy(file, summary) + warnings.map((one) => inLines([describeWarning(one)])).join(""),
  );
  if (strict === true && warnings.length > 0) output.exit(WARNED_EXIT);
}

const WARNED_EXIT = 2;

const describeWarning = ({ pointer, message }: ConfigurationProblem): string => `  warning  ${pointer}: ${message}`;

async function load(file: string): Promise<Policy | readonly ConfigurationProblem[]> {
  try {
    return await loadPolicyFile(file);
  } catch (error) {
    if (error instanceof PolicyError) return error.problems;
    throw error;
  }
}

interface Summary {
  readonly id?: string;
  readonly hash: string;
  readonly services: readonly {
    readonly name: string;
    readonly origins: readonly string[];
    readonly rules: Readonly<Record<Effect, number>>;
  }[];
}

function summaryOf({ id, hash, document }: Policy): Summary {
  const services = Object.entries(document.services).map(([name, { origins }]) => {
    const rules = { allow: 0, approve: 0, deny: 0 };
    for (const { effect, service } of document.rules) {
      if (service === undefined || [service].flat().includes(name)) rules[effect]++;
    }
    return { name, origins, rules };
  });
  return { ...(id === undefined ? {} : { id }), hash, services };
}

function describePolicy(file: string, { id, hash, services }: Summary): string {
  const head = `OK  ${file}${id === undefined ? "" : `  ${id}`}`;
  const lines = services.map(
    ({ name, origins, rules }) =>
      `  ${name}  ${origins.join(", ")}  ${rules.allow} allow, ${rules.approve} approve, ${rules.deny} deny`,
  );
  return inLines([head, `  SHA-256 ${hash}`, ...lines]);
}

const describeProblems = (file: string, problems: readonly ConfigurationProblem[]): string =>
  inLines([
    `${problems.length === 1 ? "1 PROBLEM" : `${problems.length} PROBLEMS`}  ${file}`,
    ...problems.map(({ pointer, message }) => `  ${pointer === "" ? "(document)" : pointer}: ${message}`),
  ]);

async function decide(file: string, options: DecideOptions, output: CommandOutput): Promise<void> {
  const policy = await loadPolicyFile(file);
  const decision = policy.decide(
    {
      method: options.method,
      url: options.url,
      headers: (options.header ?? []).map(parseHeader),
      body: options.body === undefined ? null : readNamedFile(options.body, "--body"),
    },
    options.who === undefined ? contextOf({}) : contextOf(await readWho(options.who)),
  );
  output.write(options.json === true ? asJson(decision) : describeDecision(decision, policy));
  output.exit(DECISION_EXIT[decision.effect]);
}

function parseHeader(text: string): readonly [string, string] {
  const colon = text.indexOf(":");
  if (colon < 1) throw new UsageError(`--header "${text}" must be "name: value"`);
  return [text.slice(0, colon).trim(), text.slice(colon + 1).trim()];
}

type Members = Readonly<Record<string, unknown>>;

async function readWho(path: string): Promise<Members> {
  const text = readNamedFile(path, "--who").toString("utf8");
  let who: unknown;
  try {
    who = JSON.parse(text);
  } catch {
    throw new UsageError(`--who: ${path} is not JSON`);
  }
  const members = ["principal", "agent", "session"];
  if (!isObject(who)) throw new UsageError(`--who: ${path} must be an object with ${members.join(", ")}`);
  for (const [name, value] of Object.entries(who)) {
    if (!members.includes(name)) throw new UsageError(`--who: "${name}" is not one of ${members.join(", ")}`);
    if (!isObject(value)) throw new UsageError(`--who: "${name}" must be an object`);
  }
  return who;
}

/** Nobody in particular, unless told: a rule that asks who is there must not match by accident. */
function contextOf(who: Members): DecisionContext {
  const now = Date.now();
  const part = (name: string): object => (isObject(who[name]) ? who[name] : {});
  return {
    principal: { id: "nobody", type: "human", ...part("principal") },
    agent: { id: "no-agent", ...part("agent") },
    session: {
      id: "no-session",
      purpose: "sallyport policy decide",
      startedAt: now,
      expiresAt: now + 900_000,
      ...part("session"),
    },
    now,
  };
}

function describeDecision(decision: Decision, { document }: Policy): string {
  const { effect, code, reason, rule, service, canonical, obligations, considered, policy } = decision;
  const field = (label: string, text: string | undefined): readonly string[] =>
    text === undefined || text === "" ? [] : [`  ${label.padEnd(11)}${text}`];
  return inLines([
    `${effect.toUpperCase()}  ${code}`,
    ...field("because", reason),
    ...field("request", canonical === undefined ? undefined : `${canonical.method} ${canonical.url}`),
    ...field("left out", canonical?.droppedHeaders.join(", ")),
    ...field("service", service),
    ...field("rule", rule),
    ...(effect === "deny"
      ? []
      : [
          ...field(
            "assumed",
            Object.keys(standIns(document))
              .map((name) => `predicate ${name} says yes`)
              .join(", "),
          ),
          ...field("credential", obligations.credential),
          ...field("scopes", obligations.scopes?.join(" ")),
          ...field("mask", obligations.mask.join(" ")),
          ...field("approvers", obligations.approval?.approvers?.join(", ")),
        ]),
    ...considered.map(
      ({ rule: near, clause, expected, got }) =>
        `  came close: "${near}", but ${clause}: expected ${expected}, got ${got}`,
    ),
    ...field("policy", `${policy.id === undefined ? "" : `${policy.id}, `}SHA-256 ${policy.hash}`),
  ]);
}

const isObject = (value: unknown): value is Members =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Paths, URLs and policies may hold anything; in a terminal they stay text. */
const inLines = (lines: readonly string[]): string => `${lines.map(printable).join("\n")}\n`;

const asJson = (value: unknown): string => `${inertJson(JSON.stringify(value, null, 2))}\n`;
