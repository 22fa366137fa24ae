import { Buffer, isUtf8 } from "node:buffer";
import { createHmac, type Hmac } from "node:crypto";
import type { BodyFacts, BodyKeeper } from "../audit/index.js";
import { isMaskable, type Masker, type Secrets } from "../masking/index.js";
import type { RecordLevel } from "../policy/index.js";

/** Whose body it is, and how it may be kept. */
export interface CaptureSubject {
  readonly level: RecordLevel;
  /** Content type, as far as it is known. */
  readonly media: string | null;
  /** True where the bytes are still encoded, so that nobody can look into them: such a body is not kept. */
  readonly opaque: boolean;
  /** Fields that the policy masks. */
  readonly paths: readonly string[];
  /** The secrets that are live. */
  readonly secrets: () => Secrets;
}

/** What it takes to keep bodies. */
export interface CaptureParts {
  readonly keeper: BodyKeeper;
  /** Masks for the record, whatever the agent may see: the second mask. */
  readonly masker: Masker;
  /** How many bytes of a body are kept at most. */
  readonly limit: number;
}

/** What the record says of a body in the end. */
export interface CapturedBody {
  readonly facts: BodyFacts;
  /** 1 where the body was dropped because it could not be masked. */
  readonly maskErrors: number;
}

/**
 * Taken beyond the limit, so that what straddles it is recognised, masked, and then cut off; once more, because a masker
 * holds back the end of what it has not seen the rest of.
 */
const OVERLAP = 4096;

/**
 * The beginning of a body, and a fingerprint of all of it, taken as its bytes pass by. Nothing is read that nobody else
 * reads, and nothing waits: the memory it takes is the limit, however long the body is.
 */
export class BodyCapture {
  readonly #subject: CaptureSubject;
  readonly #parts: CaptureParts;
  readonly #mac: Hmac;
  readonly #kept: Buffer[] = [];
  #keptBytes = 0;
  #bytes = 0;
  #cut = false;

  constructor(subject: CaptureSubject, parts: CaptureParts) {
    this.#subject = subject;
    this.#parts = parts;
    this.#mac = createHmac("sha256", parts.keeper.macKey());
  }

  /** Takes note of bytes as they were sent or received. */
  see(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    this.#mac.update(chunk);
  }

  /** Takes a copy of bytes that may be kept: those that were seen, or what masking for the agent left of them. */
  keep(chunk: Uint8Array): void {
    if (this.#subject.opaque) return;
    const room = this.#parts.limit + 2 * OVERLAP - this.#keptBytes;
    if (chunk.byteLength > room) this.#cut = true;
    if (room <= 0 || chunk.byteLength === 0) return;
    const part = Buffer.from(chunk.subarray(0, room));
    this.#kept.push(part);
    this.#keptBytes += part.length;
  }

  /** Ends the capture; call it once. `complete` says whether the body's end was seen. */
  end(complete: boolean): CapturedBody {
    const { level, media, opaque } = this.#subject;
    const about = {
      level,
      bytes: this.#bytes,
      complete,
      ...(media === null ? {} : { media }),
      mac: this.#mac.digest("hex"),
    };
    const dropped = { ...about, level: "metadata" as const };
    if (opaque) return { facts: dropped, maskErrors: 0 };
    const masked = this.#masked();
    if (masked === null) return { facts: dropped, maskErrors: 1 };
    const { content, truncated } = this.#withinLimit(masked);
    const kept = this.#parts.keeper.keep(content);
    if (kept === null) return { facts: dropped, maskErrors: 1 };
    return {
      facts: { ...about, captured: content.length, ...(truncated ? { truncated } : {}), ...kept },
      maskErrors: 0,
    };
  }

  #masked(): Uint8Array | null {
    const all = Buffer.concat(this.#kept);
    const { media, paths, secrets } = this.#subject;
    const contentType = media ?? "text/plain";
    const { masker } = this.#parts;
    try {
      const pass = isMaskable(contentType)
        ? masker.open({ contentType, paths, secrets: secrets(), unmaskable: "pass" })
        : masker.openOpaque(secrets());
      if (pass === null) return all;
      // What was cut off is no complete text; its rest would be malformed in any format.
      return Buffer.concat([pass.push(all), this.#cut ? Buffer.alloc(0) : pass.flush()]);
    } catch {
      return this.#maskedAsText(all);
    }
  }

  /** A body that is not what it says it is, or breaks off in the middle, is text as good as any. */
  #maskedAsText(all: Buffer): Uint8Array | null {
    try {
      const pass = this.#parts.masker.open({ contentType: "text/plain", secrets: this.#subject.secrets() });
      return this.#subject.paths.length > 0 ? null : Buffer.concat([pass.push(all), pass.flush()]);
    } catch {
      return null;
    }
  }

  #withinLimit(masked: Uint8Array): { readonly content: Uint8Array; readonly truncated: boolean } {
    const { limit } = this.#parts;
    const safe = this.#cut ? Math.max(0, masked.length - OVERLAP) : masked.length;
    if (safe <= limit && !this.#cut) return { content: masked, truncated: false };
    return { content: wholeCharacters(masked.subarray(0, Math.min(limit, safe))), truncated: true };
  }
}

/** The bytes without half a character at their end, where they are UTF-8 but for that. */
function wholeCharacters(bytes: Uint8Array): Uint8Array {
  for (let back = 0; back < 4 && back <= bytes.length; back++) {
    const shorter = bytes.subarray(0, bytes.length - back);
    if (isUtf8(shorter)) return shorter;
  }
  return bytes;
}
