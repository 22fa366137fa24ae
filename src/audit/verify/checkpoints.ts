import { isSignedBy, type NoteSignature, noteSignatures, parseVerifierKey, type VerifierKey } from "../note.js";
import { type Keyring, keyName } from "./keyring.js";
import type { ParsedLine } from "./parsed-line.js";

/** What `key.rotated` says: who signed so far, and who does from now on. */
interface Rotation {
  readonly from: VerifierKey;
  readonly to: VerifierKey;
}

/** `good`: by a trusted key. `other_key`: by another; who it is must not be taken from the log. Else what is wrong. */
type SignatureVerdict = "good" | "other_key" | { readonly wrong: string };

/** Follows who signs a log: always the same key, unless both the old and the new one sign the change. */
export class SignerWatch {
  readonly #keyring: Keyring;
  #signer: string | undefined;
  #rotation: Rotation | undefined;

  constructor(keyring: Keyring) {
    this.#keyring = keyring;
  }

  /** True after a change of keys was announced, until both have signed it. */
  get isRotating(): boolean {
    return this.#rotation !== undefined;
  }

  /** The key that signed the latest checkpoint, as name and id. */
  get signer(): string | undefined {
    return this.#signer;
  }

  /** Reads `key.rotated`; answers what is wrong with it. */
  announce(line: ParsedLine): string | undefined {
    const { old_key: from, new_key: to } = (line["key"] ?? {}) as Readonly<Record<string, unknown>>;
    const keys = [from, to].map((key) => (typeof key === "string" ? parseVerifierKey(key) : undefined));
    const [oldKey, newKey] = keys;
    if (oldKey === undefined || newKey === undefined) return "the change of keys names no keys";
    this.#rotation = { from: oldKey, to: newKey };
    return undefined;
  }

  /** Judges who signed `text` in `note`. */
  judge(note: string, text: string): SignatureVerdict {
    const signatures = noteSignatures(note, text);
    if (signatures === undefined) return { wrong: "the signature of the checkpoint is wrong" };
    const rotation = this.#rotation;
    this.#rotation = undefined;
    return rotation === undefined
      ? this.#judgeOne(signatures, text)
      : this.#judgeRotation(signatures, text, rotation.from, rotation.to);
  }

  #judgeOne(signatures: readonly NoteSignature[], text: string): SignatureVerdict {
    const [signature, ...more] = signatures;
    if (signature === undefined || more.length > 0) return { wrong: "the checkpoint has more than one signature" };
    const name = keyName(signature);
    if (this.#signer !== undefined && this.#signer !== name) {
      return { wrong: "it is signed by another key than the checkpoint before it, and no change of keys was signed" };
    }
    this.#signer = name;
    const key = this.#keyring.find(signature);
    if (key === undefined) return "other_key";
    return isSignedBy(signature, text, key) ? "good" : { wrong: "the signature of the checkpoint is wrong" };
  }

  #judgeRotation(
    [byOld, byNew]: readonly NoteSignature[],
    text: string,
    from: VerifierKey,
    to: VerifierKey,
  ): SignatureVerdict {
    const wrong = { wrong: "the change of keys is not signed by both the old and the new key" };
    if (byOld === undefined || byNew === undefined) return wrong;
    if (this.#signer !== undefined && this.#signer !== keyName(from)) return wrong;
    // The old key as it is trusted, where it is: the log could name another one of the same id.
    const trusted = this.#keyring.find(from);
    if (!isSignedBy(byOld, text, trusted ?? from) || !isSignedBy(byNew, text, this.#keyring.find(to) ?? to))
      return wrong;
    this.#signer = keyName(to);
    if (trusted !== undefined) this.#keyring.trust(to);
    return this.#keyring.find(to) === undefined ? "other_key" : "good";
  }
}
