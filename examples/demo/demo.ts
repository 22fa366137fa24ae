import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { OperationalLog } from "sallyport";
import { printable } from "../../src/audit/text.js";
import { UsageError } from "../../src/cli/io.js";
import { wantsColour } from "../../src/cli/style.js";
import { createAuditKey } from "./auditor.js";
import { askRefund } from "./chapters/ask-refund.js";
import { endSession } from "./chapters/end-session.js";
import { listInvoices } from "./chapters/list-invoices.js";
import { openSession } from "./chapters/open-session.js";
import { outliveSession } from "./chapters/outlive-session.js";
import { readCustomer } from "./chapters/read-customer.js";
import { readRecord } from "./chapters/read-record.js";
import { repeatRefund } from "./chapters/repeat-refund.js";
import { stealToken } from "./chapters/steal-token.js";
import { surviveRestart } from "./chapters/survive-restart.js";
import { tamper } from "./chapters/tamper.js";
import { tryAdmin } from "./chapters/try-admin.js";
import { createEyes } from "./eyes.js";
import type { DemoIo } from "./io.js";
import { personAtTerminal, scriptedPerson } from "./person.js";
import type { Stage } from "./stage.js";
import { type Claim, createStory, type Story } from "./story.js";
import { openWorld, realParts, type WorldParts } from "./world.js";

export interface DemoOptions {
  /** Asks the person at the terminal instead of following the script. */
  readonly interactive: boolean;
  /** Keeps the record there; it must be empty or not exist. Default: a temporary directory that is removed. */
  readonly directory?: string;
  /** Tells no story; the claims are the answer. */
  readonly quiet: boolean;
}

/** How a test looks behind the scenes. */
export interface DemoProbes {
  readonly parts?: WorldParts;
  /** Handed everything the agent gets to hold. */
  readonly agentSaw?: (value: unknown) => void;
  /** Handed every line of the operational log. */
  readonly logged?: (line: string) => void;
  /** Called while the record is still there. */
  readonly recordIn?: (directory: string) => Promise<void>;
  /** False leaves out the one thing the story shows unmasked. */
  readonly showOriginals?: boolean;
}

export interface DemoResult {
  readonly claims: readonly Claim[];
  readonly ok: boolean;
  readonly milliseconds: number;
}

/**
 * Runs the whole demonstration on loopback and closes everything it opened, however it ends.
 *
 * @throws UsageError for a directory that is not empty; the reason of `signal` when it aborts.
 */
export async function runDemo(
  io: DemoIo,
  options: DemoOptions,
  signal: AbortSignal,
  probes: DemoProbes = {},
): Promise<DemoResult> {
  const startedAt = performance.now();
  const story = createStory({
    write: options.quiet ? () => undefined : io.stdout,
    colours: wantsColour(io.env, io.isTerminal),
    columns: io.columns,
    showOriginals: probes.showOriginals ?? true,
  });
  const closers: (() => Promise<void>)[] = [];
  try {
    const scratch = await mkdtemp(join(tmpdir(), "sallyport-demo-"));
    closers.push(() => rm(scratch, { recursive: true, force: true }));
    const directory = await recordDirectory(options.directory, scratch);
    const { signer, verifierKey } = createAuditKey();
    await writeFile(join(directory, "signer.pub"), `${verifierKey}\n`);
    const person = options.interactive ? personAtTerminal(io) : scriptedPerson(story);
    const log = linesTo(probes.logged ?? ((line) => io.stderr(`${line}\n`)));
    const wait = options.interactive ? "10m" : "25s";
    const world = await openWorld(
      probes.parts ?? realParts,
      { directory, state: join(scratch, "state"), signer, log, person, wait },
      closers,
    );
    const stage = {
      story,
      world,
      person,
      directory,
      verifierKey,
      signal,
      startDoomed: io.startDoomed,
      eyes: createEyes(probes.agentSaw),
    };
    story.open([
      ["authorization server", `${world.authorizationServer.issuer}  oidc-provider, in this process`],
      ["ledger", `${world.ledger.origin}  customers, invoices, refunds, an admin API`],
      ["record", `${directory}  signed with a key that is not kept there`],
    ]);
    await play(stage, scratch);
    await probes.recordIn?.(directory);
  } finally {
    // The last to be started is the first to go: the guard still needs the authorization server to revoke.
    for (const close of closers.reverse()) await close().catch((error: unknown) => io.stderr(`${messageOf(error)}\n`));
  }
  const milliseconds = Math.round(performance.now() - startedAt);
  const kept =
    options.directory === undefined
      ? ""
      : ` The record is in ${printable(options.directory)}: sallyport audit verify ${printable(options.directory)}`;
  story.close(`, in ${(milliseconds / 1000).toFixed(1)} s, on loopback only.${kept}`);
  return { claims: story.claims, ok: story.claims.every(({ holds }) => holds), milliseconds };
}

/** The story, in the order in which it is told. */
async function play(stage: Stage, scratch: string): Promise<void> {
  try {
    const scene = await openSession(stage);
    for (const chapter of [
      readCustomer,
      listInvoices,
      stealToken,
      tryAdmin,
      askRefund,
      repeatRefund,
      tamper,
      endSession,
      outliveSession,
      surviveRestart,
    ]) {
      stage.signal.throwIfAborted();
      await chapter(scene);
    }
    await readRecord(stage, scratch);
  } catch (error) {
    stage.signal.throwIfAborted();
    fail(stage.story, error);
  }
}

const fail = (story: Story, error: unknown): void =>
  story.claim(`the step runs to its end (${printable(messageOf(error))})`, false);

async function recordDirectory(given: string | undefined, scratch: string): Promise<string> {
  const directory = given === undefined ? join(scratch, "record") : resolve(given);
  const names = await mkdir(directory, { recursive: true, mode: 0o700 })
    .then(() => readdir(directory))
    .catch((error: unknown) => {
      throw new UsageError(`--directory: ${messageOf(error)}`);
    });
  if (names.length > 0) throw new UsageError(`--directory: ${directory} is not empty`);
  return directory;
}

/** The guard's own reports, as plain lines. Only warnings and worse, as by default. */
function linesTo(write: (line: string) => void): OperationalLog {
  const report = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) =>
    write(`guard ${level}: ${message} ${JSON.stringify(fields)}`);
  const ignore = (): void => undefined;
  return { debug: ignore, info: ignore, warn: report("warning"), error: report("error") };
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
