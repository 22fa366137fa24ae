import { latin1 } from "./bytes.js";
import { JsonReader } from "./json/reader.js";
import type { Context, Reader } from "./reader.js";
import { LOOK_BEHIND } from "./scanner.js";
import { PLAIN, Segment } from "./segment.js";

/** How much of a line is looked at, at most, to tell what its data is. */
const LONGEST_HEAD = 64;
const LF = 0x0a;
const CR = 0x0d;
const SPACE = 0x20;
const OPEN_ARRAY = 0x5b;

type Mode = "line start" | "text" | "json";

/**
 * Server-sent events (WHATWG HTML, section 9.2.6): every line is scanned, whatever its field; the data of an event that
 * begins like a JSON object, or like an array of something, is read as JSON, over several `data:` lines too.
 */
export class SseReader implements Reader {
  readonly #context: Context;
  readonly #json: JsonReader;
  readonly #text: Segment;
  #mode: Mode = "line start";
  /** What the data of this event is, once its first line has come. */
  #data: "none" | "text" | "json" = "none";
  #at: number = LOOK_BEHIND;
  #first = true;
  /** The byte before was a CR: a LF now belongs to the same line end. */
  #afterCr = false;
  hold: number = LOOK_BEHIND;

  constructor(context: Context) {
    this.#context = context;
    this.#json = new JsonReader(context);
    this.#text = new Segment(context.window, context.scanning, context.field, PLAIN, context.replace);
  }

  moved(by: number): void {
    this.#at += by;
    this.hold += by;
    if (this.#mode === "text") this.#text.moved(by);
    if (this.#data === "json") this.#json.moved(by);
  }

  run(to: number, final: boolean): void {
    let i = this.#at;
    while (i < to) {
      if (this.#mode === "line start") {
        const next = this.#lineStart(i, to, final);
        if (next < 0) break;
        i = next;
        // An empty line is over; an empty `data:` is a line with nothing in it.
        if (this.#isLineStart()) continue;
      }
      i = this.#content(i, to, final);
    }
    this.#at = i;
    if (i < to || this.#isLineStart()) this.hold = i;
    else this.hold = this.#mode === "text" ? this.#text.undecided : this.#json.hold;
    if (this.#data === "json" && this.#json.pending >= 0) this.hold = Math.min(this.hold, this.#json.pending);
  }

  #isLineStart(): boolean {
    return this.#mode === "line start";
  }

  /** From inside a line to behind its end, or to the end of the window. */
  #content(from: number, to: number, final: boolean): number {
    const { bytes } = this.#context.window;
    let end = from;
    while (end < to && bytes[end] !== LF && bytes[end] !== CR) end++;
    const ended = end < to || final;
    if (this.#mode === "text") this.#text.advance(end, ended);
    else {
      this.#json.run(end, ended);
      if (ended && !this.#json.resumeAt(end)) throw this.#context.malformed("an event whose data is not JSON");
    }
    if (end === to) return to;
    this.#mode = "line start";
    this.#afterCr = bytes[end] === CR;
    return end + 1;
  }

  /** Finds out what line begins at `i`; the index where its content begins, or -1 while that is not known. */
  #lineStart(i: number, to: number, final: boolean): number {
    const { bytes } = this.#context.window;
    const byte = bytes[i];
    if (byte === LF || byte === CR) {
      if (!(byte === LF && this.#afterCr)) this.#endEvent(i);
      this.#afterCr = byte === CR;
      return i + 1;
    }
    this.#afterCr = false;
    const bom = this.#first ? this.#startsWith(i, to, "\u00ef\u00bb\u00bf") : 0;
    if (bom < 0 && !final) return -1;
    const start = i + Math.max(0, bom);
    const data = this.#startsWith(start, to, "data:");
    if (data < 0 && !final) return -1;
    this.#first = false;
    if (data <= 0) return this.#beginText(start, false);
    const payload = bytes[start + 5] === SPACE && start + 5 < to ? start + 6 : start + 5;
    if (start + 5 >= to && !final) return -1;
    if (this.#data === "json") {
      this.#json.resumeAt(payload);
      this.#mode = "json";
      return payload;
    }
    if (this.#data === "text") return this.#beginText(payload, true);
    const isJson = this.#looksLikeJson(payload, Math.min(to, payload + LONGEST_HEAD));
    if (isJson === "unknown" && to < payload + LONGEST_HEAD && !final) return -1;
    if (isJson === false || (isJson === "unknown" && to < payload + LONGEST_HEAD)) {
      this.#data = "text";
      return this.#beginText(payload, false);
    }
    this.#data = "json";
    this.#mode = "json";
    this.#json.reset(payload);
    return payload;
  }

  #beginText(at: number, goesOn: boolean): number {
    this.#mode = "text";
    this.#context.field.role = "text";
    if (goesOn) this.#text.continueAt(at);
    else this.#text.begin(at);
    return at;
  }

  #endEvent(at: number): void {
    if (this.#data === "json") this.#json.reset(at);
    this.#data = "none";
  }

  /** Length of `text` if it stands at `i`, 0 if not, -1 if that is not known yet. */
  #startsWith(i: number, to: number, text: string): number {
    const { bytes } = this.#context.window;
    for (let k = 0; k < text.length; k++) {
      if (i + k >= to) return -1;
      if (bytes[i + k] !== text.charCodeAt(k)) return 0;
    }
    return text.length;
  }

  /**
   * An object, or an array of objects or texts; with path rules of anything. `[DONE]` and `[INFO] …` are text. False
   * costs escapes and paths, true costs the answer if it turns out wrong.
   */
  #looksLikeJson(from: number, to: number): boolean | "unknown" {
    const { bytes } = this.#context.window;
    let i = from;
    while (i < to && (bytes[i] === OPEN_ARRAY || (bytes[i] as number) === SPACE || bytes[i] === 0x09)) i++;
    if (i === to) return "unknown";
    const isArray = latin1(bytes, from, i).includes("[");
    const first = String.fromCharCode(bytes[i] as number);
    if (first === "{") return true;
    return isArray && (first === '"' || (this.#context.paths !== null && /[-0-9tfn]/.test(first)));
  }
}
