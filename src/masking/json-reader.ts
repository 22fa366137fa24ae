import { latin1, utf8 } from "./bytes.js";
import { JSON_STRING } from "./json-codec.js";
import { scannedUntil } from "./json-scalar.js";
import { LONGEST_NAME, OTHER, type PathState } from "./paths.js";
import type { Context, Reader } from "./reader.js";
import { LONGEST_WHOLE, LOOK_BEHIND } from "./scanner.js";
import { PLAIN, Segment } from "./segment.js";
import { needsWhole, type Strategy } from "./strategies.js";
import { WordScanner } from "./word.js";

/** Deeper documents are refused: the reader keeps a few bytes per level. */
export const DEEPEST = 1024;
/** A longer number or word is no value that we know; it is scanned as text. */
const LONGEST_SCALAR = 64;
/** A name as it may stand in a document, all escaped. */
const LONGEST_RAW_NAME = LONGEST_NAME * 6;

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** What may come next. */
const VALUE = 0;
const FIRST_VALUE = 1;
const NAME = 2;
const FIRST_NAME = 3;
const AFTER_NAME = 4;
const AFTER_VALUE = 5;

/** What the reader is inside of, across windows. */
const STRUCTURE = 0;
const STRING = 1;
const LONG_WORD = 2;
const SKIPPED_STRING = 3;
const SKIPPED_WORD = 4;
const SKIPPED_CONTAINER = 5;

/** White space, the record separator of RFC 7464, and what ends a number or a word. */
const SPACE = 1;
const ENDS_WORD = 2;
const KINDS: Uint8Array = new Uint8Array(256);
for (const character of " \t\n\r\u001e") KINDS[character.charCodeAt(0)] = SPACE;
for (const character of '{}[],:"') KINDS[character.charCodeAt(0)] = ENDS_WORD;

/** Returned instead of an index: the rest has to wait for more bytes. */
const WAIT = -1;
const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * JSON texts one after the other: a document, NDJSON, a JSON sequence. Words that are not JSON (`NaN`) pass, scanned; a
 * structure that is not JSON ends the answer, because path rules would then mean something else to whoever reads it.
 */
export class JsonReader implements Reader {
  readonly #context: Context;
  readonly #text: Segment;
  readonly #longWord: Segment;
  readonly #word: WordScanner;
  hold: number = LOOK_BEHIND;
  #at: number = LOOK_BEHIND;
  #inside = STRUCTURE;
  #expect = VALUE;
  #depth = 0;
  readonly #isObject: Uint8Array = new Uint8Array(DEEPEST + 1);
  /** Whether a member of this container has gone out, so that the next one needs its comma. */
  readonly #kept: Uint8Array = new Uint8Array(DEEPEST + 1);
  readonly #index: number[] = [];
  readonly #states: (PathState | null)[] = [];
  /** Rules for the value that comes next. */
  #member: PathState | null = null;
  /** The value that comes next has been announced to its container. */
  #begun = false;
  #isName = false;
  /** The byte before the window's was a backslash in a string. */
  #escape = false;
  /** Set by {@link #closing}. */
  #sawEscape = false;
  /** A comma that waits for what follows it. */
  #comma = -1;
  #muted = false;
  #skipDepth = 0;
  #skipString = false;

  constructor(context: Context) {
    this.#context = context;
    const { window, scanning, field, replace } = context;
    this.#text = new Segment(window, scanning, field, JSON_STRING, replace);
    this.#longWord = new Segment(window, scanning, field, PLAIN, replace);
    this.#word = new WordScanner(scanning, field, replace);
  }

  /** Begins anew at index `at`, after whatever was there before. */
  reset(at: number): void {
    if (this.#muted) this.#endMute(at);
    this.#depth = 0;
    this.#expect = VALUE;
    this.#inside = STRUCTURE;
    this.#begun = false;
    this.#escape = false;
    this.#comma = -1;
    this.resumeAt(at);
  }

  /** Index of a comma that goes out only if what follows it does, or -1. */
  get pending(): number {
    return this.#comma;
  }

  /** Goes on at index `at`, after something that is not JSON. False inside of a string, which cannot go on there. */
  resumeAt(at: number): boolean {
    this.#at = at;
    this.hold = at;
    return this.#inside === STRUCTURE || (this.#inside === SKIPPED_CONTAINER && !this.#skipString);
  }

  moved(by: number): void {
    this.#at += by;
    this.hold += by;
    if (this.#comma >= 0) this.#comma += by;
    if (this.#inside === STRING) this.#text.moved(by);
    if (this.#inside === LONG_WORD) this.#longWord.moved(by);
  }

  run(to: number, final: boolean): void {
    const { bytes } = this.#context.window;
    let i = this.#inside === STRUCTURE ? this.#at : this.#resume(this.#at, to, final);
    while (i !== WAIT && i < to) {
      const byte = bytes[i] as number;
      const kind = KINDS[byte];
      if (kind === SPACE) i++;
      else if (byte === QUOTE) i = this.#quote(i, to, final);
      else if (kind === ENDS_WORD) i = this.#punctuation(byte, i, to);
      else i = this.#scalar(i, to, final);
    }
    if (i !== WAIT) this.#wait(i, i);
  }

  #wait(at: number, hold: number): number {
    this.#at = at;
    this.hold = this.#comma >= 0 ? Math.min(this.#comma, hold) : hold;
    return WAIT;
  }

  #resume(i: number, to: number, final: boolean): number {
    switch (this.#inside) {
      case STRING:
        return this.#string(i, to, final);
      case LONG_WORD:
        return this.#wordOn(i, to, final);
      default:
        return this.#skip(i, to, final);
    }
  }

  #punctuation(byte: number, i: number, to: number): number {
    switch (byte) {
      case COLON:
        this.#need(this.#expect === AFTER_NAME);
        this.#expect = VALUE;
        return i + 1;
      case COMMA:
        this.#need(this.#expect === AFTER_VALUE);
        this.#expect = this.#isObject[this.#depth] === 1 ? NAME : VALUE;
        if (this.#states[this.#depth]?.mayDrop === true) {
          if (this.#kept[this.#depth] === 1) this.#comma = i;
          else this.#context.window.edit(i, i + 1, NOTHING);
        }
        return i + 1;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        return this.#open(byte === OPEN_OBJECT, i, to);
      default: {
        const isObject = byte === CLOSE_OBJECT;
        const first = isObject ? FIRST_NAME : FIRST_VALUE;
        this.#need(this.#depth > 0 && (this.#expect === first || this.#expect === AFTER_VALUE));
        this.#need((this.#isObject[this.#depth] === 1) === isObject);
        this.#depth--;
        return this.#endValue(i + 1);
      }
    }
  }

  #open(isObject: boolean, i: number, to: number): number {
    const strategy = this.#beginValue(i);
    if (strategy !== null) {
      this.#replaceAll(strategy, i);
      this.#inside = SKIPPED_CONTAINER;
      this.#skipDepth = 0;
      this.#skipString = false;
      return this.#skip(i, to, false);
    }
    const depth = ++this.#depth;
    if (depth > DEEPEST) throw this.#context.malformed(`nested deeper than ${DEEPEST}`);
    this.#begun = false;
    this.#isObject[depth] = isObject ? 1 : 0;
    this.#kept[depth] = 0;
    this.#index[depth] = -1;
    this.#states[depth] = this.#member;
    this.#expect = isObject ? FIRST_NAME : FIRST_VALUE;
    return i + 1;
  }

  /** Announces a value to its container; the strategy if a path rule names it. */
  #beginValue(i: number): Strategy | null {
    if (!this.#begun) {
      this.#need(this.#expect === VALUE || this.#expect === FIRST_VALUE);
      this.#begun = true;
      const depth = this.#depth;
      if (depth === 0) this.#member = this.#context.paths?.root ?? null;
      else if (this.#isObject[depth] === 0) this.#beginElement(depth, i);
    }
    return this.#member?.strategy ?? null;
  }

  #beginElement(depth: number, i: number): void {
    const state = this.#states[depth];
    if (state === null || state === undefined) return;
    this.#index[depth] = (this.#index[depth] as number) + 1;
    this.#member = this.#step(state, String(this.#index[depth]));
    this.#admit(depth, i);
  }

  #step(state: PathState, name: string): PathState {
    return this.#context.paths?.step(state, name) ?? state;
  }

  /** The member or element that begins at `i` goes out, or is dropped together with the comma before it. */
  #admit(depth: number, i: number): void {
    if (this.#member?.strategy === "drop") {
      this.#context.replaceField("drop", null);
      this.#mute(this.#comma >= 0 ? this.#comma : i);
    } else this.#kept[depth] = 1;
    this.#comma = -1;
  }

  #endValue(i: number): number {
    if (this.#muted) this.#endMute(i);
    this.#begun = false;
    this.#inside = STRUCTURE;
    this.#expect = this.#depth === 0 ? VALUE : AFTER_VALUE;
    return i;
  }

  #quote(i: number, to: number, final: boolean): number {
    if (this.#expect === NAME || this.#expect === FIRST_NAME) return this.#name(i, to, final);
    const strategy = this.#beginValue(i);
    if (strategy !== null) return this.#stringField(strategy, i, to, final);
    this.#isName = false;
    this.#context.field.role = "value";
    return this.#beginString(i, to, final);
  }

  #name(i: number, to: number, final: boolean): number {
    const { window, field } = this.#context;
    const { bytes } = window;
    const limit = Math.min(to, i + LONGEST_RAW_NAME);
    const end = this.#closing(i + 1, limit);
    if (end === WAIT && limit === to && to < i + LONGEST_RAW_NAME && !final) return this.#wait(i, i);
    const state = this.#states[this.#depth];
    if (state !== null && state !== undefined) {
      this.#member = end === WAIT ? this.#step(state, OTHER) : this.#namedStep(state, bytes, i + 1, end);
      this.#admit(this.#depth, i);
    }
    field.role = "name";
    field.rename(bytes, i + 1, end === WAIT ? limit : end);
    this.#isName = true;
    if (end !== WAIT && this.#muted) return this.#endString(end);
    return this.#beginString(i, to, final);
  }

  #namedStep(state: PathState, bytes: Uint8Array, from: number, to: number): PathState {
    const { paths } = this.#context;
    if (paths === null) return state;
    if (!this.#sawEscape) return paths.stepOver(state, bytes, from, to);
    const into = new Uint8Array(to - from + 1);
    return paths.stepOver(
      state,
      into,
      0,
      JSON_STRING.decode(bytes, from, to, true, into, new Int32Array(to - from + 1), 0),
    );
  }

  /** A string from its opening quote on, to be scanned. */
  #beginString(i: number, to: number, final: boolean): number {
    this.#text.begin(i + 1);
    this.#inside = STRING;
    this.#escape = false;
    return this.#string(i + 1, to, final);
  }

  #string(i: number, to: number, final: boolean): number {
    const from = this.#escape ? Math.min(i + 1, to) : i;
    if (this.#escape && from > i) this.#escape = false;
    const end = this.#closing(from, to);
    if (this.#sawEscape) this.#text.escaped = true;
    if (end === WAIT) {
      // While a dropped member is muted, nothing in it needs to be found.
      this.#text.advance(to, final);
      return this.#wait(to, this.#text.undecided);
    }
    this.#text.advance(end, true);
    return this.#endString(end);
  }

  #endString(end: number): number {
    if (!this.#isName) return this.#endValue(end + 1);
    this.#inside = STRUCTURE;
    this.#expect = AFTER_NAME;
    return end + 1;
  }

  /** Index of the closing quote, or WAIT; notes whether there was an escape, and whether it is cut by the end. */
  #closing(from: number, to: number): number {
    const { bytes } = this.#context.window;
    this.#sawEscape = false;
    let i = from;
    while (i < to) {
      const byte = bytes[i] as number;
      if (byte === QUOTE) return i;
      if (byte === BACKSLASH) {
        this.#sawEscape = true;
        i++;
      }
      i++;
    }
    if (i > to) this.#escape = true;
    return WAIT;
  }

  /** A string that a path rule names. */
  #stringField(strategy: Strategy, i: number, to: number, final: boolean): number {
    const { window, replaceField } = this.#context;
    if (!this.#muted && needsWhole(strategy)) {
      const limit = Math.min(to, i + LONGEST_WHOLE);
      const end = this.#closing(i + 1, limit);
      this.#escape = false;
      if (end === WAIT && to < i + LONGEST_WHOLE && !final) return this.#wait(i, i);
      if (end !== WAIT) {
        const into = new Uint8Array(end - i + 1);
        const stop = JSON_STRING.decode(window.bytes, i + 1, end, true, into, new Int32Array(end - i + 1), 0);
        window.edit(i, end + 1, quoted(replaceField(strategy, into.subarray(0, stop))));
        return this.#endValue(end + 1);
      }
    }
    this.#replaceAll(strategy, i);
    this.#inside = SKIPPED_STRING;
    this.#escape = false;
    return this.#skip(i + 1, to, final);
  }

  /** Whatever the value is, it goes, and a text stands in its place. */
  #replaceAll(strategy: Strategy, i: number): void {
    if (this.#muted) return;
    const { window, replaceField } = this.#context;
    window.edit(i, i, quoted(replaceField(strategy, null)));
    this.#mute(i);
  }

  #scalar(i: number, to: number, final: boolean): number {
    const { window } = this.#context;
    const { bytes } = window;
    const limit = Math.min(to, i + LONGEST_SCALAR);
    let end = i;
    while (end < limit && KINDS[bytes[end] as number] === 0) end++;
    if (end === to && to < i + LONGEST_SCALAR && !final) return this.#wait(i, i);
    const long = end === i + LONGEST_SCALAR;
    const strategy = this.#beginValue(i);
    if (strategy !== null) return this.#scalarField(strategy, i, end, long, to, final);
    this.#context.field.role = "value";
    if (long) {
      this.#longWord.begin(i);
      this.#inside = LONG_WORD;
      return this.#wordOn(i, to, final);
    }
    const stop = scannedUntil(bytes, i, end, this.#context.scanning.known === null ? 9 : 6);
    const text = stop === 0 ? null : this.#word.mask(bytes, i, stop);
    if (text !== null) window.edit(i, end, quoted(text));
    return this.#endValue(end);
  }

  #scalarField(strategy: Strategy, i: number, end: number, long: boolean, to: number, final: boolean): number {
    const { window, replaceField } = this.#context;
    if (long) {
      this.#replaceAll(strategy, i);
      this.#inside = SKIPPED_WORD;
      return this.#skip(i, to, final);
    }
    const isNull = end - i === 4 && latin1(window.bytes, i, end) === "null";
    if (!this.#muted && !isNull) window.edit(i, end, quoted(replaceField(strategy, window.bytes.subarray(i, end))));
    return this.#endValue(end);
  }

  #wordOn(i: number, to: number, final: boolean): number {
    const { bytes } = this.#context.window;
    let end = i;
    while (end < to && KINDS[bytes[end] as number] === 0) end++;
    this.#longWord.advance(end, end < to || final);
    if (end === to && !final) return this.#wait(to, this.#longWord.undecided);
    return this.#endValue(end);
  }

  /** Over a value that does not go out. */
  #skip(from: number, to: number, final: boolean): number {
    const { bytes } = this.#context.window;
    let i = from;
    for (; i < to; i++) {
      const byte = bytes[i] as number;
      if (this.#inside === SKIPPED_WORD) {
        if (KINDS[byte] !== 0) return this.#endValue(i);
      } else if (this.#escape) this.#escape = false;
      else if (this.#inside === SKIPPED_STRING || this.#skipString) {
        if (byte === BACKSLASH) this.#escape = true;
        else if (byte === QUOTE && this.#inside === SKIPPED_STRING) return this.#endValue(i + 1);
        else if (byte === QUOTE) this.#skipString = false;
      } else if (byte === QUOTE) this.#skipString = true;
      else if (byte === OPEN_ARRAY || byte === OPEN_OBJECT) this.#skipDepth++;
      else if ((byte === CLOSE_ARRAY || byte === CLOSE_OBJECT) && --this.#skipDepth === 0) return this.#endValue(i + 1);
    }
    return final && this.#inside === SKIPPED_WORD ? this.#endValue(i) : this.#wait(to, to);
  }

  #mute(i: number): void {
    this.#context.window.mute(i);
    this.#muted = true;
  }

  #endMute(i: number): void {
    this.#context.window.unmute(i);
    this.#muted = false;
  }

  #need(condition: boolean): void {
    if (!condition) throw this.#context.malformed("not JSON");
  }
}

const quoted = (text: string): Uint8Array => utf8(JSON.stringify(text));
