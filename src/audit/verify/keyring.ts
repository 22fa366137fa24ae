import type { NoteSignature, VerifierKey } from "../note.js";

/** The keys that a verifier trusts: those it was given, and those they handed over to. Never one that only the log names. */
export class Keyring {
  readonly #keys = new Map<string, VerifierKey>();

  constructor(keys: readonly VerifierKey[]) {
    for (const key of keys) this.trust(key);
  }

  get isEmpty(): boolean {
    return this.#keys.size === 0;
  }

  /** The trusted key that a signature says it is by. */
  find({ name, id }: Pick<NoteSignature, "name" | "id">): VerifierKey | undefined {
    return this.#keys.get(keyName({ name, id }));
  }

  trust(key: VerifierKey): void {
    // The first one stays: another key with the same short id must not take its place.
    if (!this.#keys.has(keyName(key))) this.#keys.set(keyName(key), key);
  }
}

/** Name and id, as they stand in a verifier key line. */
export const keyName = ({ name, id }: Pick<NoteSignature, "name" | "id">): string => `${name}+${id}`;
