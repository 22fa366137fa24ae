import { isSignedBy, noteSignatures } from "../note.js";
import type { Keyring } from "./keyring.js";
import type { Equivocation } from "./report.js";

/** A signed head that was published elsewhere. */
export interface AnchoredHead {
  readonly origin: string;
  readonly size: number;
  /** In Base64. */
  readonly root: string;
  /** The whole signed note. */
  readonly note: string;
}

/** What a file of published heads says. */
export interface Anchors {
  readonly heads: ReadonlyMap<string, ReadonlyMap<number, AnchoredHead>>;
  readonly equivocations: readonly Equivocation[];
  /** Heads that no trusted key signed; they prove nothing. */
  readonly untrusted: number;
  /** What is no signed note. */
  readonly unreadable: number;
}

/** Origin, size, root, and one or two signatures: a note as the log publishes it. */
const NOTE = /([^\n]{1,400})\n(0|[1-9]\d{0,14})\n([A-Za-z0-9+/]{43}=)\n\n((?:\u2014 [^\n]{1,300}\n){1,2})/y;

/** Reads published heads: signed notes one after the other, blank lines between them or not. */
export function readAnchors(text: string, keyring: Keyring): Anchors {
  const heads = new Map<string, Map<number, AnchoredHead>>();
  const equivocations: Equivocation[] = [];
  let untrusted = 0;
  let unreadable = 0;
  let at = 0;
  while (at < text.length) {
    if (text[at] === "\n" || text[at] === "\r") {
      at++;
      continue;
    }
    NOTE.lastIndex = at;
    const match = NOTE.exec(text);
    if (match === null) {
      unreadable++;
      at = endOfBlock(text, at);
      continue;
    }
    at = NOTE.lastIndex;
    const [note, origin = "", size, root = ""] = match;
    if (!isTrusted(note, `${origin}\n${size}\n${root}\n`, keyring)) {
      untrusted++;
      continue;
    }
    const head = { origin, size: Number(size), root, note };
    const ofLog = heads.get(origin) ?? new Map<number, AnchoredHead>();
    heads.set(origin, ofLog);
    const before = ofLog.get(head.size);
    if (before === undefined) ofLog.set(head.size, head);
    else if (before.root !== root) equivocations.push({ log: origin, size: head.size, notes: [before.note, note] });
  }
  return { heads, equivocations, untrusted, unreadable };
}

const isTrusted = (note: string, text: string, keyring: Keyring): boolean =>
  (noteSignatures(note, text) ?? []).some((signature) => {
    const key = keyring.find(signature);
    return key !== undefined && isSignedBy(signature, text, key);
  });

/** Past what cannot be read: to the next line that could begin a note. */
function endOfBlock(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end + 1;
}
