/** Documents by key, in the order in which they were first put. A document is never changed, only replaced. */
export interface Documents<Document extends object> {
  readonly size: number;
  get(key: string): Document | undefined;
  /** The document that was put last, of those with this index value. */
  find(value: string): Document | undefined;
  all(): Iterable<Document>;
  entries(): Iterable<readonly [string, Document]>;
  put(key: string, document: Document): void;
  delete(key: string): void;
}

/** Where documents are kept, and changed by one at a time. */
export interface Table<Document extends object> {
  /**
   * Runs `work` alone with the documents. What it put and deleted is kept for good once this resolves, all of it or nothing;
   * where `work` throws, nothing. `work` does nothing else: it is run again where another process was faster.
   */
  transact<Result>(work: (documents: Documents<Document>) => Result): Promise<Result>;
  /** Calls `listener` after each change of the document, whoever made it. Answers with a function that stops it. */
  watch(key: string, listener: () => void): () => void;
}

/** One change as it is written down: a new document; members set and unset of one that was there; or its end. */
export type Change =
  | readonly [key: string, document: object]
  | readonly [key: string, set: object, unset: readonly string[]]
  | readonly [key: string];

/** Documents in memory that can take back what was not kept. */
export class DocumentMap<Document extends object> implements Documents<Document> {
  readonly #documents = new Map<string, Document>();
  readonly #index = new Map<string, string>();
  readonly #indexOf: (document: Document) => string;
  #undo: (() => void)[] = [];
  #changes: Change[] = [];

  constructor(indexOf: (document: Document) => string) {
    this.#indexOf = indexOf;
  }

  get size(): number {
    return this.#documents.size;
  }

  get(key: string): Document | undefined {
    return this.#documents.get(key);
  }

  find(value: string): Document | undefined {
    const key = this.#index.get(value);
    return key === undefined ? undefined : this.#documents.get(key);
  }

  all(): Iterable<Document> {
    return this.#documents.values();
  }

  /** Keys and documents, to be written down anew. */
  entries(): Iterable<readonly [string, Document]> {
    return this.#documents.entries();
  }

  put(key: string, document: Document): void {
    const before = this.#documents.get(key);
    if (before === document) return;
    this.#set(key, document);
    this.#changes.push(before === undefined ? [key, document] : changeOf(key, before, document));
  }

  delete(key: string): void {
    if (!this.#documents.has(key)) return;
    this.#set(key, undefined);
    this.#changes.push([key]);
  }

  /** What was changed since the last `keep` or `takeBack`. */
  get changes(): readonly Change[] {
    return this.#changes;
  }

  /** A place to take changes back to. */
  mark(): { readonly changes: number; readonly steps: number } {
    return { changes: this.#changes.length, steps: this.#undo.length };
  }

  keep(): void {
    this.#undo = [];
    this.#changes = [];
  }

  takeBack(to: { readonly changes: number; readonly steps: number } = { changes: 0, steps: 0 }): void {
    for (const step of this.#undo.splice(to.steps).reverse()) step();
    this.#changes.length = to.changes;
  }

  /** Does what was written down by another process, or earlier. Answers with the key. */
  apply([key, set, unset]: Change): string {
    const before = this.#documents.get(key);
    if (set === undefined) this.#set(key, undefined);
    else if (unset === undefined || before === undefined) this.#set(key, set as Document);
    else {
      const merged = { ...before, ...set } as Record<string, unknown>;
      for (const name of unset) delete merged[name];
      this.#set(key, merged as Document);
    }
    this.#undo = [];
    return key;
  }

  clear(): void {
    this.#documents.clear();
    this.#index.clear();
    this.keep();
  }

  #set(key: string, document: Document | undefined): void {
    const before = this.#documents.get(key);
    const value = document ?? before;
    if (value === undefined) return;
    const index = this.#indexOf(value);
    const indexed = this.#index.get(index);
    this.#undo.push(() => {
      if (before === undefined) this.#documents.delete(key);
      else this.#documents.set(key, before);
      if (indexed === undefined) this.#index.delete(index);
      else this.#index.set(index, indexed);
    });
    if (document === undefined) {
      this.#documents.delete(key);
      if (indexed === key) this.#index.delete(index);
      return;
    }
    this.#documents.set(key, document);
    if (before === undefined) this.#index.set(index, key);
  }
}

/** Members are compared by identity: a record that moves on shares what did not change with the one before. */
function changeOf(key: string, before: object, after: object): Change {
  const old = new Map(Object.entries(before));
  const set = Object.fromEntries(Object.entries(after).filter(([name, value]) => old.get(name) !== value));
  return [key, set, [...old.keys()].filter((name) => !Object.hasOwn(after, name))];
}

/** Those who want to know when a document changes. */
export class Watchers {
  readonly #listeners = new Map<string, Set<() => void>>();

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  add(key: string, listener: () => void): () => void {
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0 && this.#listeners.get(key) === listeners) this.#listeners.delete(key);
    };
  }

  tell(keys: Iterable<string>): void {
    for (const key of new Set(keys)) for (const listener of [...(this.#listeners.get(key) ?? [])]) listener();
  }

  tellAll(): void {
    this.tell([...this.#listeners.keys()]);
  }
}

/** A table in the memory of this process: atomic because nothing is awaited inside `work`. */
export function memoryTable<Document extends object>(indexOf: (document: Document) => string): Table<Document> {
  const documents = new DocumentMap(indexOf);
  const watchers = new Watchers();
  return {
    async transact(work) {
      try {
        const result = work(documents);
        const changed = documents.changes.map(([key]) => key);
        documents.keep();
        watchers.tell(changed);
        return result;
      } catch (error) {
        documents.takeBack();
        throw error;
      }
    },
    watch: (key, listener) => watchers.add(key, listener),
  };
}
