import { randomUUID } from "node:crypto";
import fs from "node:fs";
import { join } from "node:path";
import { DamagedJournalError, Journal } from "./journal.js";
import { encodeLine, lineAfter, NOTHING } from "./line.js";
import { isRestricted } from "./restricted.js";

/** Where a compaction that was broken off leaves its file; older ones are nobody's. */
const ABANDONED_MS = 3_600_000;

/**
 * The journals of one table, `name.000000.journal` and so on: when one has grown, what still counts of it is written to the
 * next one, and its last line names that. Whoever reads that line goes on in the next one; until then it stays readable.
 */
export class Generations {
  readonly #directory: string;
  readonly #name: string;

  constructor(directory: string, name: string) {
    this.#directory = directory;
    this.#name = name;
  }

  /** The newest journal, made where there is none. */
  openNewest(): { readonly journal: Journal; readonly generation: number } {
    for (let tries = 0; tries < 100; tries++) {
      const newest = this.#existing().at(-1);
      const generation = newest ?? 0;
      const journal = Journal.open(this.#path(generation), { create: newest === undefined });
      // Others may have gone on meanwhile, and removed what we were about to open.
      if (journal !== null && (this.#existing().at(-1) ?? 0) === generation) {
        this.#clear(generation);
        return { journal, generation };
      }
      journal?.close();
    }
    throw new Error(`${this.#directory}: the journals change too fast to be opened`);
  }

  /** Writes the start of the next journal, one line for each of `bodies`, under a name that nobody reads yet. */
  async prepare(generation: number, bodies: Iterable<string>): Promise<string> {
    const id = randomUUID();
    const file = await fs.promises.open(this.#draft(generation + 1, id), "wx", 0o600);
    try {
      let last = { seq: 0, sum: NOTHING };
      for (const json of bodies) {
        const line = lineAfter(last.seq, last.sum, json);
        await file.writeFile(encodeLine(line));
        last = line;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    await syncNames(this.#directory);
    return id;
  }

  /** Makes the prepared journal the next one: whoever comes first does it, for all. */
  openNext(generation: number, id: string): { readonly journal: Journal; readonly generation: number } {
    const next = generation + 1;
    try {
      fs.renameSync(this.#draft(next, id), this.#path(next));
      syncNamesNow(this.#directory);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
    const journal = Journal.open(this.#path(next), { create: false });
    // Over already, where others were quick.
    const opened = journal === null ? this.openNewest() : { journal, generation: next };
    if (opened.generation < next) throw new DamagedJournalError(this.#path(next), "is missing");
    this.#clear(opened.generation);
    return opened;
  }

  discard(generation: number, id: string): void {
    fs.rmSync(this.#draft(generation + 1, id), { force: true });
  }

  /** What is over, and what was broken off long ago. Where it cannot be removed now, it will be another time. */
  #clear(current: number): void {
    for (const generation of this.#existing()) if (generation < current) tryToRemove(this.#path(generation));
    for (const name of fs.readdirSync(this.#directory)) {
      const path = join(this.#directory, name);
      if (!name.startsWith(`${this.#name}.`) || !name.endsWith(".draft")) continue;
      const { mtimeMs } = fs.statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Number.POSITIVE_INFINITY };
      if (Date.now() - mtimeMs > ABANDONED_MS) tryToRemove(path);
    }
  }

  #existing(): readonly number[] {
    return fs
      .readdirSync(this.#directory)
      .filter((name) => name.startsWith(`${this.#name}.`))
      .map((name) => /^\.([0-9]{6,12})\.journal$/.exec(name.slice(this.#name.length))?.[1])
      .filter((number) => number !== undefined)
      .map(Number)
      .sort((a, b) => a - b);
  }

  #path(generation: number): string {
    return join(this.#directory, `${this.#name}.${String(generation).padStart(6, "0")}.journal`);
  }

  #draft(generation: number, id: string): string {
    return join(this.#directory, `${this.#name}.${String(generation).padStart(6, "0")}.${id}.draft`);
  }
}

function tryToRemove(path: string): void {
  try {
    fs.unlinkSync(path);
  } catch {
    // Open elsewhere, on Windows.
  }
}

/** Names on stable storage. Windows can neither open nor sync a directory; its file systems keep names in their own journal. */
async function syncNames(path: string): Promise<void> {
  if (process.platform === "win32") return;
  const directory = await fs.promises.open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The same at once. Where that is forbidden, a new name that gets lost with the machine is given again by the next reader. */
function syncNamesNow(path: string): void {
  if (process.platform === "win32" || isRestricted) return;
  const directory = fs.openSync(path, "r");
  try {
    fs.fsyncSync(directory);
  } finally {
    fs.closeSync(directory);
  }
}
