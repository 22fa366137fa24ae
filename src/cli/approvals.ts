import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { userInfo } from "node:os";
import {
  type ApprovalDecision,
  type ApprovalDesk,
  type ApprovalRecord,
  type ApprovalState,
  createApprovalDesk,
  describeRequest,
  renderCard,
  TRANSITIONS,
} from "../approval/index.js";
import { inertJson, printable } from "../audit/text.js";
import { systemClock } from "../clock.js";
import { GuardError, isGuardError } from "../errors/guard-error.js";
import { type Pins, readPins } from "../policy/pins.js";
import { fileStore } from "../store/index.js";
import { Command } from "./command.js";
import type { CommandOutput } from "./command-output.js";
import { UsageError } from "./io.js";

/** Exit codes of the commands that change something. */
const EXIT = { done: 0, unknown: 1, over: 2, refused: 3 } as const;
const CODES = "\nExit codes: 0 done, 1 no such approval, 2 it was over already, 3 not yours to decide.";

interface Common {
  readonly store: string;
  readonly json?: boolean;
}

interface Deciding extends Common {
  readonly as?: string;
  readonly group?: readonly string[];
  readonly reason?: string;
  readonly uses?: string;
  readonly pins?: string;
}

/**
 * `sallyport approvals …`: look at the questions in a file store, and answer them. Whoever can write to the directory can
 * answer, in whatever name: the file system is what proves them. Records say `cli` where a directory would stand.
 */
export function approvalsCommand(output: CommandOutput): Command {
  const approvals = new Command("approvals").description("list and answer what agents ask, in a file store");
  const command = (name: string, description: string): Command =>
    approvals
      .command(name)
      .description(description)
      .option("--store <directory>", "the directory of the file store", "./state")
      .option("--json", "print JSON");
  const deciding = (name: string, description: string): Command =>
    command(name, description)
      .argument("<id>", "the approval, as in `approvals list`")
      .option("--as <id>", "who decides; default: the user of this machine")
      .option("--group <name...>", "groups of theirs that count")
      .option("--reason <text>", "why; agents are told the reason of a no")
      .addHelpText("after", CODES);

  command("list", "list questions and their state, newest first")
    .option("--state <state>", "only those that are so")
    .action(async ({ store, json, state }: Common & { readonly state?: string }) => {
      if (state !== undefined && !(state in TRANSITIONS)) throw new UsageError(`--state: there is no state ${state}`);
      await withDesk(store, async (desk) => {
        const records = await desk.list(state === undefined ? {} : { state: state as ApprovalState });
        output.write(json === true ? `${jsonOf(records)}\n` : records.map(lineOf).join(""));
        if (json !== true && records.length === 0) output.write("Nothing is asked.\n");
      });
    });
  command("show", "show one question as its approvers see it, and what was answered")
    .argument("<id>", "the approval")
    .addHelpText("after", "\nExit codes: 0 shown, 1 no such approval.")
    .action(async (id: string, { store, json }: Common) => {
      await withDesk(store, async (desk) => {
        const record = await desk.get(id);
        if (record === undefined) return missing(output, id);
        output.write(json === true ? `${jsonOf(record)}\n` : describe(record));
      });
    });
  deciding("approve", "say yes to exactly this request, once or as often as its card says")
    .option("--uses <n>", "fewer uses than the rule gives")
    .option("--pins <json>", 'where requests may differ, what you allow: {"/cents":{"lte":1000}}')
    .action((id: string, options: Deciding) => decide(output, id, "approve", options));
  deciding("deny", "say no").action((id: string, options: Deciding) => decide(output, id, "deny", options));
  deciding("revoke", "take a yes back before it is used").action((id: string, options: Deciding) =>
    decide(output, id, "revoke", options),
  );
  return approvals;
}

async function decide(
  output: CommandOutput,
  id: string,
  verdict: "approve" | "deny" | "revoke",
  options: Deciding,
): Promise<void> {
  const by = {
    id: options.as ?? userInfo().username,
    idp: "cli",
    ...(options.group === undefined ? {} : { groups: [...options.group] }),
  };
  await withDesk(options.store, async (desk) => {
    const record = await desk.get(id);
    if (record === undefined) return missing(output, id);
    const decision = {
      approvalId: id,
      fingerprint: record.fingerprint,
      by,
      at: new Date(systemClock.now()).toISOString(),
      nonce: randomUUID(),
      ...grantIn(options, record),
      ...(options.reason === undefined ? {} : { reason: options.reason }),
    };
    try {
      const after = verdict === "revoke" ? await desk.revoke(id, by) : await desk.decide({ ...decision, verdict });
      const counted = after.votes.at(-1)?.counted === true && after.votes.length > record.votes.length;
      output.write(options.json === true ? `${jsonOf(after)}\n` : lineOf(after));
      output.exit(counted ? EXIT.done : EXIT.over);
    } catch (error) {
      if (!isGuardError(error)) throw error;
      output.write(`${printable(error.message)}\n`);
      output.exit(error.code === "APPROVAL_UNAVAILABLE" ? EXIT.refused : EXIT.over);
    }
  });
}

/** What is not said is as the rule gives it. */
function grantIn({ uses, pins }: Deciding, { terms }: ApprovalRecord): Pick<ApprovalDecision, "grant"> {
  if (uses === undefined && pins === undefined) return {};
  if (uses !== undefined && !/^[1-9][0-9]{0,2}$/.test(uses)) throw new UsageError("--uses: must be a whole number");
  return {
    grant: {
      uses: uses === undefined ? (terms.uses ?? 1) : Number(uses),
      ttlMs: terms.grantTtlMs,
      ...(pins === undefined ? {} : { pins: pinsIn(pins) }),
    },
  };
}

function pinsIn(text: string): Pins {
  let given: unknown;
  try {
    given = JSON.parse(text);
  } catch {
    // Told below.
  }
  const pins = readPins(given);
  if (pins === null) throw new UsageError('--pins: must be JSON such as {"/cents":{"lte":1000}}');
  return pins;
}

/** The store cannot be read: a fault of the files, and not of the command. */
class UnreadableStore extends GuardError {
  constructor(why: string) {
    super("APPROVAL_UNAVAILABLE", { message: `The store cannot be read: ${why}` });
  }
}

async function withDesk(directory: string, work: (desk: ApprovalDesk) => Promise<void>): Promise<void> {
  // Not made here: a typing mistake would look like a store without questions.
  if (!existsSync(directory)) throw new UsageError(`--store: there is no directory ${directory}`);
  const store = fileStore(directory);
  // A desk keeps a store's own words from agents; whoever is at the machine needs them.
  await store.approvals.list({ state: "pending" }).catch(async (error: unknown) => {
    await store.close();
    throw new UnreadableStore(error instanceof Error ? error.message : String(error));
  });
  const desk = createApprovalDesk({
    store: store.approvals,
    clock: systemClock,
    randomId: randomUUID,
  });
  try {
    await work(desk);
  } finally {
    await desk.close();
    await store.close();
  }
}

function missing(output: CommandOutput, id: string): void {
  output.write(`There is no approval ${printable(id)}.\n`);
  output.exit(EXIT.unknown);
}

const jsonOf = (value: unknown): string => inertJson(JSON.stringify(value, null, 2));

const lineOf = ({ id, state, http, subject, createdAt }: ApprovalRecord): string =>
  `${[
    id,
    state.padEnd(9),
    new Date(createdAt).toISOString(),
    printable(`${http.method} ${http.origin}${http.path}`),
    printable(subject.agent),
  ].join("  ")}\n`;

function describe(record: ApprovalRecord): string {
  const votes = record.votes.map(
    ({ verdict, by, at, counted, reason }) =>
      `  ${verdict} by ${by.id} (${by.idp}) at ${new Date(at).toISOString()}${counted ? "" : ", too late"}${reason === undefined ? "" : `: ${reason}`}`,
  );
  return `${[renderCard(describeRequest(record)), `State: ${record.state}`, ...votes.map(printable)].join("\n")}\n`;
}
