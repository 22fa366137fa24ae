import { Buffer } from "node:buffer";
import { createCipheriv, createDecipheriv, createHmac, timingSafeEqual } from "node:crypto";
import {
  callable,
  dictionary,
  list,
  needed,
  object,
  readOptions,
  type Shape,
  text,
  typed,
  whole,
} from "../../shapes/index.js";
import { type Placeholder, written } from "./placeholder.js";

/** Why a placeholder is not turned back into its value. */
export type VaultRefusal = "altered" | "unknown" | "expired" | "elsewhere";

/** What a placeholder stands for. */
export interface VaultValue {
  readonly value: Uint8Array;
  /** Where the value came from, most recently seen last. */
  readonly origins: readonly string[];
  /**
   * HMAC-SHA-256 of kind and value under a key of the vault's own, in base64url: the same for the same value, another one for
   * another value, and useless for guessing it.
   */
  readonly digest: string;
}

/**
 * Keeps what `tokenise` took out of responses, so that the agent can use it without having seen it. One vault is one
 * namespace: what another one minted is altered here.
 */
export interface Vault {
  /** The placeholder of a value that came from `origin`: always the same for the same value. Null where there is no room. */
  mint(kind: string, value: Uint8Array, origin: string): string | null;
  /** What it stands for, at the origins that the value came from, or that were opened to its kind. */
  read(placeholder: Placeholder, origin: string): VaultValue | VaultRefusal;
  /** Forgets everything. */
  clear(): void;
}

export interface VaultOptions {
  /** 32 random bytes; whoever has them can make placeholders and read what is kept. */
  readonly key: Uint8Array;
  /** The time in milliseconds, on a clock that does not go back. */
  readonly now: () => number;
  /** How long a value can be used after it was last seen. Default 15 minutes. */
  readonly ttlMs?: number;
  /** How many values are kept, at most; beyond that, values are redacted. Default 10,000. */
  readonly mostValues?: number;
  /** By kind: origins that its values may also go to, besides where they came from. Default none. */
  readonly origins?: Readonly<Record<string, readonly string[]>>;
}

interface Sealed {
  readonly text: Uint8Array;
  readonly tag: Uint8Array;
  /** By origin: until when. */
  readonly until: Map<string, number>;
}

const DEFAULT_TTL_MS = 15 * 60_000;
const MOST_VALUES = 10_000;
/** Where one value comes from more origins than this, the first ones are forgotten. */
const MOST_ORIGINS = 16;
const HANDLE_BYTES = 16;
const CHECK_BYTES = 4;

const KEY = "must have 32 bytes";

const OPTIONS: Shape<VaultOptions> = object<VaultOptions>({
  key: needed(
    typed((given): given is Uint8Array => given instanceof Uint8Array && given.length === 32, KEY),
    KEY,
  ),
  now: needed(callable()),
  ttlMs: whole(1),
  mostValues: whole(0),
  origins: dictionary(list(text("must be an origin"), { message: "must be a list of origins" })),
});

/** A vault in memory. Values are sealed with AES-256-GCM, so that a dump of the heap without the key shows none. */
export function createVault(options: VaultOptions): Vault {
  const { key, now, ttlMs = DEFAULT_TTL_MS, mostValues = MOST_VALUES, origins = {} } = readOptions(options, OPTIONS);
  const digest = (what: string, ...parts: readonly (string | Uint8Array)[]): Buffer => {
    const hmac = createHmac("sha256", key).update(what);
    for (const part of parts) hmac.update("\0").update(part);
    return hmac.digest();
  };
  const sealing = digest("seal");
  const values = new Map<string, Sealed>();
  const checkOf = (kind: string, handle: string): string => letters(digest("check", kind, handle), CHECK_BYTES);
  // A handle stands for one value, so that its nonce is never used for another.
  const nonceOf = (id: string): Buffer => digest("nonce", id).subarray(0, 12);
  const further = new Map(Object.entries(origins).map(([kind, list]) => [kind, new Set(list)]));

  const makeRoom = (): boolean => {
    if (values.size < mostValues) return true;
    const time = now();
    for (const [id, { until }] of values) if (Math.max(...until.values()) <= time) values.delete(id);
    return values.size < mostValues;
  };
  return {
    mint(kind, value, origin) {
      const handle = letters(digest("handle", kind, value), HANDLE_BYTES);
      const id = `${kind}:${handle}`;
      let sealed = values.get(id);
      if (sealed === undefined) {
        if (!makeRoom()) return null;
        const cipher = createCipheriv("aes-256-gcm", sealing, nonceOf(id));
        const text = Buffer.concat([cipher.update(value), cipher.final()]);
        sealed = { text, tag: cipher.getAuthTag(), until: new Map() };
        values.set(id, sealed);
      }
      sealed.until.delete(origin);
      if (sealed.until.size >= MOST_ORIGINS) sealed.until.delete(sealed.until.keys().next().value as string);
      sealed.until.set(origin, now() + ttlMs);
      return written({ kind, handle, check: checkOf(kind, handle) });
    },
    read({ kind, handle, check }, origin) {
      if (!sameText(check, checkOf(kind, handle))) return "altered";
      const id = `${kind}:${handle}`;
      const sealed = values.get(id);
      if (sealed === undefined) return "unknown";
      const until = sealed.until.get(origin);
      const isOpened = further.get(kind)?.has(origin) === true;
      if (until === undefined && !isOpened) return "elsewhere";
      if ((until ?? Math.max(...sealed.until.values())) <= now()) return "expired";
      const decipher = createDecipheriv("aes-256-gcm", sealing, nonceOf(id));
      decipher.setAuthTag(sealed.tag);
      const value = Buffer.concat([decipher.update(sealed.text), decipher.final()]);
      return {
        value,
        origins: Object.freeze([...sealed.until.keys()]),
        digest: digest("value", kind, value).toString("base64url"),
      };
    },
    clear: () => values.clear(),
  };
}

/** Hexadecimal with `a` to `p`: no detector takes lower-case letters alone for anything. */
function letters(bytes: Uint8Array, count: number): string {
  return Array.from(bytes.subarray(0, count), (byte) => String.fromCharCode(97 + (byte >> 4), 97 + (byte & 15))).join(
    "",
  );
}

function sameText(a: string, b: string): boolean {
  return a.length === b.length && timingSafeEqual(Buffer.from(a, "latin1"), Buffer.from(b, "latin1"));
}
