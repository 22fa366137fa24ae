import { type Change, DocumentMap, type Documents, type Table, Watchers } from "../documents.js";
import { politely } from "./advisory-lock.js";
import { Generations } from "./generations.js";
import { DamagedJournalError, type Journal } from "./journal.js";
import type { Line } from "./line.js";
import { lookOut } from "./lookout.js";

/** Version of what stands in a journal. */
const FORMAT = 1;
/** A journal shorter than this is not worth writing anew. */
const SMALL = 1 << 20;
/** Transactions that are written as one line. */
const AT_ONCE = 64;
const ATTEMPTS = 1_000;

const HEADING = (table: string): string => JSON.stringify({ format: FORMAT, table });

interface Job {
  run(): void;
  succeed(): void;
  fail(error: unknown): void;
}

export interface FileTableOptions<Document extends object> {
  readonly directory: string;
  readonly name: string;
  readonly indexOf: (document: Document) => string;
  /** Throws for a document of another version: it is refused and not guessed. */
  readonly check: (document: Document) => void;
}

/**
 * A table in the journals of a directory, shared with other processes. All of it is in memory as well; a transaction reads
 * what others have appended, runs, appends its changes as one line, waits until they are on the disk, and counts when its
 * line does. What is answered is durable.
 */
export class FileTable<Document extends object> implements Table<Document> {
  readonly #documents: DocumentMap<Document>;
  readonly #watchers = new Watchers();
  readonly #generations: Generations;
  readonly #options: FileTableOptions<Document>;
  readonly #lock: string;
  readonly #waiting: Job[] = [];
  #at: { readonly journal: Journal; readonly generation: number } | null = null;
  #compactAt = SMALL;
  #busy: Promise<void> | null = null;
  #lookout: (() => void) | null = null;
  #damage: DamagedJournalError | null = null;
  #closed = false;

  constructor(options: FileTableOptions<Document>) {
    this.#options = options;
    this.#documents = new DocumentMap(options.indexOf);
    this.#generations = new Generations(options.directory, options.name);
    this.#lock = `${options.directory}/${options.name}.lock`;
  }

  transact<Result>(work: (documents: Documents<Document>) => Result): Promise<Result> {
    return new Promise((resolve, reject) => {
      let result: { readonly value: Result };
      this.#waiting.push({
        run: () => {
          result = { value: work(this.#documents) };
        },
        succeed: () => resolve(result.value),
        fail: reject,
      });
      this.#busy ??= this.#work();
    });
  }

  watch(key: string, listener: () => void): () => void {
    const stop = this.#watchers.add(key, listener);
    this.#lookout ??= lookOut(this.#options.directory, () => this.#lookAgain());
    return () => {
      stop();
      if (this.#watchers.isEmpty) this.#stopLooking();
    };
  }

  /** Waits for what is under way; afterwards every transaction fails. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#stopLooking();
    await this.#busy;
    this.#forget();
  }

  /** Reads what others have done, and tells those who watch. */
  #lookAgain(): void {
    if (this.#closed || this.#busy !== null || this.#at?.journal.hasMore() === false) return;
    this.transact(() => undefined).catch(() => undefined);
  }

  #stopLooking(): void {
    this.#lookout?.();
    this.#lookout = null;
  }

  async #work(): Promise<void> {
    // Others that arrive in the same turn come along.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const jobs = this.#waiting.splice(0, AT_ONCE);
      try {
        const succeeded = await this.#commit(jobs);
        for (const job of succeeded) job.succeed();
      } catch (error) {
        this.#documents.takeBack();
        for (const job of jobs) job.fail(error);
      }
    }
    // In the same turn as the last look: whoever comes next starts anew.
    this.#busy = null;
  }

  /** Answers with the jobs that did not throw; those that did have been told. */
  async #commit(jobs: readonly Job[]): Promise<readonly Job[]> {
    if (this.#closed) throw new Error("the store is closed");
    this.#refresh(null);
    const first = this.#run(jobs);
    if (this.#documents.changes.length === 0) return finish(first);
    return politely(this.#lock, async () => {
      let ran = first;
      for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
        if (this.#opened().journal.isEmpty) this.#opened().journal.append(HEADING(this.#options.name));
        // Where others were faster, what ran is taken back.
        if (this.#refresh(null)) ran = this.#run(jobs);
        const changes = this.#documents.changes;
        const changed = changes.map(([key]) => key);
        if (changes.length === 0 || (await this.#write(JSON.stringify(changes)))) {
          this.#watchers.tell(changed);
          await this.#compact();
          return finish(ran);
        }
        ran = this.#run(jobs);
      }
      throw new Error(`${this.#lock}: others were faster every time`);
    });
  }

  #run(jobs: readonly Job[]): ReadonlyMap<Job, { readonly error: unknown } | null> {
    const ran = new Map<Job, { readonly error: unknown } | null>();
    for (const job of jobs) {
      const before = this.#documents.mark();
      try {
        job.run();
        ran.set(job, null);
      } catch (error) {
        this.#documents.takeBack(before);
        ran.set(job, { error });
      }
    }
    return ran;
  }

  /** Whether the line counts. */
  async #write(json: string): Promise<boolean> {
    const { journal } = this.#opened();
    const line = journal.append(json);
    await journal.sync();
    const seen = { line, counts: false };
    this.#refresh(seen);
    if (!seen.counts) this.#documents.takeBack();
    return seen.counts;
  }

  /**
   * Does what was appended since. What was changed here and not written yet is taken back first, where others have appended:
   * it was decided on what is no longer so. Answers with whether that was so.
   */
  #refresh(mine: { readonly line: Line; counts: boolean } | null): boolean {
    if (this.#damage !== null) throw this.#damage;
    try {
      return this.#read(mine);
    } catch (error) {
      // Read half, it is read again from the start the next time; damaged, it is not touched any more.
      if (error instanceof DamagedJournalError) this.#damage = error;
      this.#forget();
      throw error;
    }
  }

  #read(mine: { readonly line: Line; counts: boolean } | null): boolean {
    const keys: string[] = [];
    let others = false;
    let at = this.#opened();
    let left: Journal | null = null;
    for (;;) {
      let next: string | undefined;
      for (const line of at.journal.read()) {
        if (mine !== null && line.seq === mine.line.seq && line.sum === mine.line.sum) {
          mine.counts = true;
          this.#documents.keep();
          next = nextIn(line);
          continue;
        }
        others = true;
        this.#documents.takeBack();
        next = this.#apply(line, keys);
      }
      if (next === undefined) {
        if (!at.journal.isRemoved()) break;
        // The line that says where it goes on may have come between the look and the removal.
        if (left === at.journal) throw new DamagedJournalError(left.path, "was removed");
        left = at.journal;
        continue;
      }
      others = true;
      at = this.#goOn(this.#generations.openNext(at.generation, next));
      this.#watchers.tellAll();
    }
    this.#watchers.tell(keys);
    return others;
  }

  /** Answers with where the journal goes on, where it is over. */
  #apply(line: Line, keys: string[]): string | undefined {
    const body: unknown = JSON.parse(line.json);
    if (!Array.isArray(body)) {
      const { format } = body as { readonly format?: unknown };
      if (format !== undefined && format !== FORMAT) {
        throw new Error(`${this.#at?.journal.path}: format ${String(format)} is of another version of this library`);
      }
      return nextIn(line);
    }
    for (const change of body as Change[]) {
      const key = this.#documents.apply(change);
      const document = this.#documents.get(key);
      if (document !== undefined) this.#options.check(document);
      keys.push(key);
    }
    return undefined;
  }

  #opened(): { readonly journal: Journal; readonly generation: number } {
    return this.#at ?? this.#goOn(this.#generations.openNewest());
  }

  #goOn(to: { readonly journal: Journal; readonly generation: number }): typeof to {
    this.#forget();
    this.#at = to;
    return to;
  }

  #forget(): void {
    this.#at?.journal.close();
    this.#at = null;
    this.#documents.clear();
  }

  /** Writes what still counts to the next journal, where this one is mostly history. A fault leaves things as they are. */
  async #compact(): Promise<void> {
    const { journal, generation } = this.#opened();
    if (journal.size < this.#compactAt) return;
    this.#compactAt = journal.size * 2;
    let id: string | undefined;
    try {
      id = await this.#generations.prepare(generation, this.#bodies());
      const counts = await this.#write(JSON.stringify({ next: id }));
      if (!counts) this.#generations.discard(generation, id);
      this.#compactAt = Math.max(SMALL, this.#opened().journal.size * 4);
    } catch {
      // What the transaction did is on the disk, and it is answered for.
    }
  }

  *#bodies(): Generator<string> {
    yield HEADING(this.#options.name);
    let changes: Change[] = [];
    for (const [key, document] of this.#documents.entries()) {
      changes.push([key, document]);
      if (changes.length < AT_ONCE) continue;
      yield JSON.stringify(changes);
      changes = [];
    }
    if (changes.length > 0) yield JSON.stringify(changes);
  }
}

function finish(ran: ReadonlyMap<Job, { readonly error: unknown } | null>): readonly Job[] {
  const succeeded: Job[] = [];
  for (const [job, failure] of ran) {
    if (failure === null) succeeded.push(job);
    else job.fail(failure.error);
  }
  return succeeded;
}

/** The journal that a last line names. */
function nextIn({ json }: Line): string | undefined {
  if (!json.startsWith('{"next":')) return undefined;
  return (JSON.parse(json) as { readonly next: string }).next;
}
