import { GuardError } from "../errors.js";
import { joined } from "./bytes.js";
import { FormReader } from "./form-reader.js";
import { JsonReader } from "./json-reader.js";
import { EventLanes } from "./lanes/event-lanes.js";
import type { Format } from "./media.js";
import type { PathRules } from "./paths.js";
import { FieldContext } from "./probe.js";
import type { Context, Reader } from "./reader.js";
import { LOOK_BEHIND, type ScannerOptions } from "./scanner.js";
import type { Replace } from "./segment.js";
import { SseReader } from "./sse-reader.js";
import type { Mint, Strategy } from "./strategies.js";
import { TextReader } from "./text-reader.js";
import { LARGEST_PART, Window } from "./window.js";

/** What body it is. */
export interface OpenOptions {
  readonly contentType: string | null;
  /** Fields to mask besides the masker's own, in the same form. */
  readonly paths?: readonly string[];
  /** Texts of six characters or more that must not appear, in any common encoding: live credentials. */
  readonly secrets?: readonly string[];
  /** Makes the placeholders of the `tokenise` strategy, such as `mint` of a vault for the origin of the answer. */
  readonly mint?: Mint;
}

/** One body on its way. */
export interface MaskingPass {
  /**
   * Takes the next chunk and returns what can go out, which may be the chunk itself, or nothing. Throws MASKING_FAILED if
   * anything goes wrong; from then on it always throws, and nothing more goes out.
   */
  push(chunk: Uint8Array): Uint8Array;
  /** Returns the rest. Call it once, at the end of a complete body only. */
  flush(): Uint8Array;
  /** {@link push} and {@link flush} of a body that is there as a whole. Call it instead of them, once. */
  whole(body: Uint8Array): Uint8Array;
  /** Findings so far, by kind; `FIELD` for path rules. */
  readonly counts: Record<string, number>;
  /** How many bytes are held back at the moment. */
  readonly held: number;
}

export interface PassParts {
  readonly format: Format;
  readonly scanning: ScannerOptions;
  readonly paths: PathRules | null;
  readonly replace: Replace;
  readonly replaceField: (strategy: Strategy, value: Uint8Array | null) => string;
}

const READERS: Record<Format, new (context: Context) => Reader> = {
  json: JsonReader,
  sse: SseReader,
  form: FormReader,
  text: TextReader,
};

const NOTHING: Uint8Array = new Uint8Array(0);

export function openPass({ format, scanning, paths, replace, replaceField }: PassParts): MaskingPass {
  const counts: Record<string, number> = {};
  const count = (kind: string): void => {
    counts[kind] = (counts[kind] ?? 0) + 1;
  };
  const window = new Window();
  const context: Context = {
    window,
    scanning,
    paths,
    field: new FieldContext(),
    replace: (kind, vendor, value) => {
      count(kind);
      return replace(kind, vendor, value);
    },
    replaceField: (strategy, value) => {
      count("FIELD");
      return replaceField(strategy, value);
    },
    malformed: (what) =>
      new GuardError("MASKING_FAILED", { message: `The answer is ${what}, so it could not be masked.`, sent: true }),
  };
  const reader = new READERS[format](context);
  const lanes = format === "sse" ? new EventLanes(context) : null;
  let failure: GuardError | null = null;
  let ended = false;

  const round = (chunk: Uint8Array, final: boolean): Uint8Array => {
    window.load(chunk);
    reader.run(window.end, final);
    const { hold } = reader;
    if (hold < LOOK_BEHIND || hold > window.end || (final && hold !== window.end))
      throw new RangeError("a reader lost its place");
    const out = window.take(hold, chunk);
    reader.moved(LOOK_BEHIND - hold);
    return out;
  };
  /** Whatever goes wrong, the rest is withheld: the error of a detector might quote what it looked at. */
  const guarded = (work: () => Uint8Array): Uint8Array => {
    if (failure !== null) throw failure;
    try {
      if (ended) throw new RangeError("the pass has ended");
      return work();
    } catch (error) {
      failure = error instanceof GuardError ? error : new GuardError("MASKING_FAILED", { sent: true });
      throw failure;
    }
  };
  /** All of it; the last part may be the end. */
  const rounds = (chunk: Uint8Array, final: boolean): Uint8Array => {
    if (chunk.length === 0 && !final) return NOTHING;
    if (chunk.length <= LARGEST_PART) return round(chunk, final);
    const parts: Uint8Array[] = [];
    let at = 0;
    for (; chunk.length - at > LARGEST_PART; at += LARGEST_PART)
      parts.push(round(chunk.subarray(at, at + LARGEST_PART), false));
    parts.push(round(chunk.subarray(at), final));
    return joined(parts);
  };
  return {
    counts,
    get held() {
      return window.held + (lanes?.held ?? 0);
    },
    push: (chunk) => guarded(() => rounds(lanes === null ? chunk : lanes.push(chunk), false)),
    flush: () =>
      guarded(() => {
        const out = rounds(lanes === null ? NOTHING : lanes.flush(), true);
        ended = true;
        return out;
      }),
    whole: (body) =>
      guarded(() => {
        const out = rounds(lanes === null ? body : joined([lanes.push(body), lanes.flush()]), true);
        ended = true;
        return out;
      }),
  };
}
