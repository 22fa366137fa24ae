import { fromUtf8, latin1 } from "../bytes.js";
import {
  BACKSLASH,
  CLOSE_ARRAY,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  KINDS,
  OPEN_ARRAY,
  OPEN_OBJECT,
  QUOTE,
} from "../json/syntax.js";

/** A piece of a text that goes on in other events: where it stands between its quotes, and the text that it belongs to. */
export interface DeltaText {
  readonly from: number;
  readonly to: number;
  readonly lane: string;
  /** What whole messages say that end it. */
  readonly owner: string;
}

export interface Delta {
  readonly texts: readonly DeltaText[];
  /** Texts that end with this event, by the beginning of their lane. */
  readonly ends: readonly string[];
  /** Texts that end with this event, by their owner; an empty one is of all. */
  readonly endsOf: string | null;
}

/** Members that hold a piece of what a model says, thinks or passes to a tool. */
const TEXTS: ReadonlySet<string> = new Set([
  ...["content", "text", "delta", "arguments", "partial_json", "thinking", "reasoning", "reasoning_content"],
  ...["reasoning_text", "refusal", "summary", "transcript", "input", "output", "code", "completion"],
  ...["textDelta", "inputTextDelta", "argsTextDelta"],
]);
/** Members in which such pieces stand, whatever else is in them; and names that say it themselves. */
const STREAMED: ReadonlySet<string> = new Set([
  ...["delta", "choices", "candidates", "token", "partial_json", "completion"],
  ...["textDelta", "inputTextDelta", "argsTextDelta"],
]);
/** The last four letters of those names: one of them stands before a quote and a colon in every event with such a piece. */
const ENDINGS: ReadonlySet<number> = new Set(
  ["elta", "ices", "ates", "oken", "json", "tion"].map((text) => endingOf(Buffer.from(text), 4)),
);
/** Members that tell one text from another. */
const IDENTITY: ReadonlySet<string> = new Set([
  ...["index", "output_index", "content_index", "summary_index", "item_id"],
]);
const LAST = /(?:^|[-._])(?:stop|done|end|finish|finished|completed|failed|incomplete)$/;
/** What is nested deeper is not looked at. */
const DEEPEST = 32;
const NOT_JSON: unique symbol = Symbol("not JSON");

interface Frame {
  readonly isArray: boolean;
  readonly streamed: boolean;
  name: string;
  index: number;
  readonly identity: string[];
  type: string;
  id: string;
  isRpc: boolean;
  hasEnded: boolean;
}

interface Found {
  readonly from: number;
  readonly to: number;
  readonly frames: readonly Frame[];
  readonly names: readonly string[];
}

/** Whether an event may hold such a piece at all: a look at the bytes, as most streams are not of a model. */
export function mayHoldDelta(event: Uint8Array): boolean {
  for (let i = 4; i < event.length; i++) {
    if (event[i] !== QUOTE || (event[i + 1] !== COLON && KINDS[event[i + 1] as number] !== 1)) continue;
    if (!ENDINGS.has(endingOf(event, i))) continue;
    let next = i + 1;
    while (next < event.length && KINDS[event[next] as number] === 1) next++;
    if (event[next] === COLON) return true;
  }
  return false;
}

/** The four bytes before `end`, as one number. */
function endingOf(bytes: Uint8Array, end: number): number {
  const first = ((bytes[end - 4] as number) << 24) | ((bytes[end - 3] as number) << 16);
  return first | ((bytes[end - 2] as number) << 8) | (bytes[end - 1] as number);
}

/**
 * The pieces of texts in an event of a model's answer, as OpenAI, Anthropic, Google and those who speak like them send
 * them; null for other events, which are whole in themselves. `event` is its lines, of which the `data:` is JSON.
 */
export function readDelta(event: Uint8Array): Delta | null {
  const walk = new Walk(dataOf(event));
  try {
    walk.value([], []);
  } catch (error) {
    if (error === NOT_JSON) return null;
    throw error;
  }
  const root = walk.root;
  if (root === null || root.isRpc) return null;
  // A part of the AI SDK says by `id` which text it goes on with.
  if (root.id !== "" && /-(?:delta|start|end)$/.test(root.type)) root.identity.push(`id=${root.id}`);
  const owner = root.identity.toSorted().join();
  const texts = walk.found.map(({ from, to, frames, names }) => ({
    from,
    to,
    lane: `${root.type} ${laneOf(frames, names)}`,
    owner,
  }));
  const ends = walk.ended.map(({ frames, names }) => `${root.type} ${laneOf(frames, names)}`);
  const endsOf = LAST.test(root.type) ? owner : null;
  return texts.length === 0 && ends.length === 0 && endsOf === null ? null : { texts, ends, endsOf };
}

function laneOf(frames: readonly Frame[], names: readonly string[]): string {
  const steps = frames.map(({ isArray, identity }, i) => {
    // An element is the one that its own index says, wherever it stands in this event.
    const next = frames[i + 1];
    const place = isArray && next !== undefined && next.identity.length > 0 ? "" : (names[i] ?? "");
    return `${identity.toSorted().join()}/${place}`;
  });
  return steps.join("");
}

/** The event with everything that is not data overwritten with blanks, so that what stands in it stays where it is. */
function dataOf(event: Uint8Array): Uint8Array {
  const data = new Uint8Array(event);
  let line = data[0] === 0xef ? 3 : 0;
  data.fill(0x20, 0, line);
  while (line < data.length) {
    let end = line;
    while (end < data.length && data[end] !== 0x0a && data[end] !== 0x0d) end++;
    data.fill(0x20, line, latin1(data, line, Math.min(end, line + 5)) === "data:" ? line + 5 : end);
    if (end < data.length) data[end] = 0x20;
    line = end + 1;
  }
  return data;
}

/** Goes over a JSON text once, and notes what it passes. */
class Walk {
  readonly #bytes: Uint8Array;
  #at = 0;
  root: Frame | null = null;
  readonly found: Found[] = [];
  readonly ended: Omit<Found, "from" | "to">[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  value(frames: readonly Frame[], names: readonly string[]): void {
    const byte = this.#next();
    if (byte === OPEN_OBJECT || byte === OPEN_ARRAY) this.#container(byte === OPEN_ARRAY, frames, names);
    else this.#scalar(byte, frames, names);
  }

  #container(isArray: boolean, frames: readonly Frame[], names: readonly string[]): void {
    if (frames.length === DEEPEST) throw NOT_JSON;
    const around = frames.at(-1);
    const streamed = around !== undefined && (around.streamed || STREAMED.has(around.name));
    const frame: Frame = {
      ...{ isArray, streamed, name: "", index: -1, identity: [], type: "", id: "", isRpc: false, hasEnded: false },
    };
    this.root ??= frame;
    const close = isArray ? CLOSE_ARRAY : CLOSE_OBJECT;
    const inside = [...frames, frame];
    this.#at++;
    for (let first = true; this.#next() !== close; first = false) {
      if (!first) this.#expect(COMMA);
      if (isArray) frame.index++;
      else {
        if (this.#next() !== QUOTE) throw NOT_JSON;
        frame.name = this.#text();
        this.#expect(COLON);
      }
      this.value(inside, [...names, isArray ? String(frame.index) : frame.name]);
    }
    this.#at++;
    if (frame.hasEnded) this.ended.push({ frames: inside, names });
  }

  #scalar(byte: number, frames: readonly Frame[], names: readonly string[]): void {
    const from = this.#at;
    const isText = byte === QUOTE;
    if (isText) this.#skipText();
    else while (this.#at < this.#bytes.length && KINDS[this.#bytes[this.#at] as number] === 0) this.#at++;
    if (this.#at === from) throw NOT_JSON;
    const frame = frames.at(-1);
    if (frame === undefined || frame.isArray) return;
    const { name } = frame;
    if (isText && TEXTS.has(name) && (frame.streamed || STREAMED.has(name))) {
      this.found.push({ from: from + 1, to: this.#at - 1, frames, names });
      return;
    }
    if (this.#at - from > 256) return;
    if (IDENTITY.has(name)) frame.identity.push(`${name}=${latin1(this.#bytes, from, this.#at)}`);
    else if (name === "type" && isText) frame.type = latin1(this.#bytes, from + 1, this.#at - 1);
    else if (name === "id" && isText) frame.id = latin1(this.#bytes, from + 1, this.#at - 1);
    else if (name === "jsonrpc") frame.isRpc = true;
    else if (name === "finish_reason" && isText) frame.hasEnded = true;
  }

  #next(): number {
    while (this.#at < this.#bytes.length && KINDS[this.#bytes[this.#at] as number] === 1) this.#at++;
    if (this.#at === this.#bytes.length) throw NOT_JSON;
    return this.#bytes[this.#at] as number;
  }

  #expect(byte: number): void {
    if (this.#next() !== byte) throw NOT_JSON;
    this.#at++;
  }

  #skipText(): void {
    let i = this.#at + 1;
    while (i < this.#bytes.length && this.#bytes[i] !== QUOTE) i += this.#bytes[i] === BACKSLASH ? 2 : 1;
    if (i >= this.#bytes.length) throw NOT_JSON;
    this.#at = i + 1;
  }

  #text(): string {
    const from = this.#at;
    this.#skipText();
    const raw = this.#bytes.subarray(from, this.#at);
    if (!raw.includes(BACKSLASH)) return latin1(raw, 1, raw.length - 1);
    try {
      return String(JSON.parse(fromUtf8(raw)));
    } catch {
      throw NOT_JSON;
    }
  }
}
