import { latin1, utf8 } from "./bytes.js";
import { LONGEST_NAME, OTHER } from "./paths.js";
import type { Context, Reader } from "./reader.js";
import { LOOK_BEHIND } from "./scanner.js";
import { type Codec, Segment } from "./segment.js";
import type { Strategy } from "./strategies.js";

const PERCENT = 0x25;
const AMPERSAND = 0x26;
const PLUS = 0x2b;
const EQUALS = 0x3d;
/** A name as it may stand in a form, all escaped. */
const LONGEST_RAW_NAME = LONGEST_NAME * 3;

/** `application/x-www-form-urlencoded` (WHATWG URL, section 5). */
export const FORM: Codec = {
  decode(bytes, from, to, ended, into, map, start) {
    let i = from;
    let at = start;
    while (i < to) {
      const byte = bytes[i] as number;
      if (byte === PERCENT && !ended && i + 2 >= to) break;
      const code = byte === PERCENT && i + 2 < to ? Number.parseInt(escapeDigits(bytes, i), 16) : Number.NaN;
      map[at] = i;
      into[at++] = Number.isNaN(code) ? (byte === PLUS ? 0x20 : byte) : code;
      i += Number.isNaN(code) ? 1 : 3;
    }
    map[at] = i;
    return at;
  },
  encode: (text) => encodeURIComponent(text),
};

/** The two digits after a percent sign; empty if they are none. */
function escapeDigits(bytes: Uint8Array, i: number): string {
  const digits = latin1(bytes, i + 1, i + 3);
  return /^[0-9a-f]{2}$/i.test(digits) ? digits : "";
}

/** Names and values of a form, each scanned decoded; path rules have one step, the name. */
export class FormReader implements Reader {
  readonly #context: Context;
  readonly #segment: Segment;
  hold: number = LOOK_BEHIND;
  #at: number = LOOK_BEHIND;
  #inside: "name start" | "name" | "value" | "skipped" = "name start";
  /** An ampersand that goes out only if what follows it does. */
  #ampersand = -1;
  #kept = false;
  /** Of the rule for the value that comes next. */
  #strategy: Strategy | null = null;

  constructor(context: Context) {
    this.#context = context;
    this.#segment = new Segment(context.window, context.scanning, context.field, FORM, context.replace);
  }

  moved(by: number): void {
    this.#at += by;
    this.hold += by;
    if (this.#ampersand >= 0) this.#ampersand += by;
    if (this.#inside === "name" || this.#inside === "value") this.#segment.moved(by);
  }

  run(to: number, final: boolean): void {
    let i = this.#at;
    while (i < to || (final && this.#inside !== "name start")) {
      if (this.#inside === "name start") {
        const next = this.#name(i, to, final);
        if (next < 0) {
          this.#at = i;
          this.hold = this.#ampersand >= 0 ? this.#ampersand : i;
          return;
        }
        i = next;
        continue;
      }
      const end = this.#end(i, to);
      const ended = end < to || final;
      if (this.#inside !== "skipped") this.#segment.advance(end, ended);
      if (!ended) {
        this.#at = to;
        this.hold = this.#inside === "skipped" ? to : this.#segment.undecided;
        return;
      }
      i = this.#endPart(end, to);
      if (end >= to) break;
    }
    this.#at = i;
    this.hold = this.#ampersand >= 0 && !final ? this.#ampersand : i;
  }

  /** To the end of the name or value; notes escapes. */
  #end(from: number, to: number): number {
    const { bytes } = this.#context.window;
    let i = from;
    for (; i < to; i++) {
      const byte = bytes[i];
      if (byte === AMPERSAND || (byte === EQUALS && this.#inside === "name")) break;
      if (byte === PERCENT || byte === PLUS) this.#segment.escaped = true;
    }
    return i;
  }

  #endPart(end: number, to: number): number {
    const { window } = this.#context;
    const { bytes } = window;
    if (this.#inside === "skipped") window.unmute(end);
    if (end >= to) {
      this.#inside = "name start";
      return end;
    }
    if (bytes[end] === EQUALS && this.#inside === "name") return this.#beginValue(end + 1);
    this.#inside = "name start";
    if (this.#kept) this.#ampersand = end;
    else window.edit(end, end + 1, utf8(""));
    return end + 1;
  }

  /** A name that is all there, or too long to be in a rule. */
  #name(i: number, to: number, final: boolean): number {
    const { window, field, paths } = this.#context;
    const { bytes } = window;
    const limit = Math.min(to, i + LONGEST_RAW_NAME);
    let end = i;
    while (end < limit && bytes[end] !== AMPERSAND && bytes[end] !== EQUALS) end++;
    if (end === limit && to < i + LONGEST_RAW_NAME && !final) return -1;
    const into = new Uint8Array(end - i + 1);
    const name = latin1(into, 0, FORM.decode(bytes, i, end, true, into, new Int32Array(end - i + 1), 0));
    this.#strategy =
      paths === null ? null : paths.step(paths.root, end === i + LONGEST_RAW_NAME ? OTHER : name).strategy;
    if (this.#strategy === "drop") {
      this.#context.replaceField("drop", null);
      window.mute(this.#ampersand >= 0 ? this.#ampersand : i);
      this.#inside = "skipped";
      this.#ampersand = -1;
      return i;
    }
    this.#ampersand = -1;
    this.#kept = true;
    field.role = "name";
    field.rename(into, 0, name.length);
    this.#inside = "name";
    this.#segment.begin(i);
    return i;
  }

  #beginValue(at: number): number {
    const { window, field, replaceField } = this.#context;
    if (this.#strategy !== null) {
      window.edit(at, at, utf8(FORM.encode(replaceField(this.#strategy, null))));
      window.mute(at);
      this.#inside = "skipped";
      return at;
    }
    field.role = "value";
    this.#inside = "value";
    this.#segment.begin(at);
    return at;
  }
}
