import { LONGEST_NAME, OTHER, type PathState } from "../paths.js";
import type { Context, Reader } from "../reader.js";
import { LONGEST_WHOLE, LOOK_BEHIND } from "../scanner.js";
import { PLAIN, Segment } from "../segment.js";
import { needsWhole, type Strategy } from "../strategies.js";
import { WordScanner } from "../word.js";
import { Containers, DEEPEST } from "./containers.js";
import { JsonFields } from "./fields.js";
import { JsonNaming } from "./naming.js";
import { GIVES_NAME, LONGEST_GIVEN } from "./pairs.js";
import { plainEnd } from "./plain.js";
import { scannedUntil } from "./scalar.js";
import { type Skipped, ValueSkipper } from "./skip.js";
import { memberStep } from "./step.js";
import { CLOSE_OBJECT, COLON, COMMA, ENDS_WORD, KINDS, OPEN_ARRAY, OPEN_OBJECT, QUOTE, SPACE, WAIT } from "./syntax.js";
import { JsonText } from "./text.js";

/** A longer number or word is no value that we know; it is scanned as text. */
const LONGEST_SCALAR = 64;
/** A name as it may stand in a document, all escaped. */
const LONGEST_RAW_NAME = LONGEST_NAME * 6;

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
const SKIPPED = 3;

const NOTHING: Uint8Array = new Uint8Array(0);

/**
 * JSON texts one after the other: a document, NDJSON, a JSON sequence. Words that are not JSON (`NaN`) pass, scanned; a
 * structure that is not JSON ends the answer, because path rules would then mean something else to whoever reads it.
 */
export class JsonReader implements Reader {
  readonly #context: Context;
  readonly #text: JsonText;
  readonly #fields: JsonFields;
  /** Made when they are first needed: most bodies are short, and have no such thing. */
  #longWord: Segment | null = null;
  #word: WordScanner | null = null;
  hold: number = LOOK_BEHIND;
  #at: number = LOOK_BEHIND;
  #inside = STRUCTURE;
  #expect = VALUE;
  readonly #containers = new Containers();
  readonly #skipper = new ValueSkipper();
  readonly #naming: JsonNaming;
  /** Rules for the value that comes next. */
  #member: PathState | null = null;
  /** The value that comes next has been announced to its container. */
  #begun = false;
  #isName = false;
  /** A comma that waits for what follows it. */
  #comma = -1;

  constructor(context: Context) {
    this.#context = context;
    this.#naming = new JsonNaming(context);
    this.#text = new JsonText(context);
    this.#fields = new JsonFields(context);
  }

  /** Begins anew at index `at`, after whatever was there before. */
  reset(at: number): void {
    this.#fields.endMute(at);
    this.#containers.depth = 0;
    this.#expect = VALUE;
    this.#inside = STRUCTURE;
    this.#begun = false;
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
    return this.#inside === STRUCTURE || (this.#inside === SKIPPED && this.#skipper.betweenTokens);
  }

  moved(by: number): void {
    this.#at += by;
    this.hold += by;
    if (this.#comma >= 0) this.#comma += by;
    if (this.#inside === STRING) this.#text.moved(by);
    if (this.#inside === LONG_WORD) this.#longWord?.moved(by);
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
    this.#naming.keep(this.#containers.depth);
    return WAIT;
  }

  #resume(i: number, to: number, final: boolean): number {
    switch (this.#inside) {
      case STRING:
        return this.#string(i, to, final);
      case LONG_WORD:
        return this.#wordOn(this.#longWord as Segment, i, to, final);
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
        this.#expect = this.#containers.isObject ? NAME : VALUE;
        if (this.#containers.state?.mayDrop === true) {
          if (this.#containers.kept) this.#comma = i;
          else this.#context.window.edit(i, i + 1, NOTHING);
        }
        return i + 1;
      case OPEN_OBJECT:
      case OPEN_ARRAY:
        return this.#open(byte === OPEN_OBJECT, i, to);
      default: {
        const isObject = byte === CLOSE_OBJECT;
        const first = isObject ? FIRST_NAME : FIRST_VALUE;
        this.#need(this.#containers.depth > 0 && (this.#expect === first || this.#expect === AFTER_VALUE));
        this.#need(this.#containers.isObject === isObject);
        this.#containers.close();
        this.#naming.close();
        return this.#endValue(i + 1);
      }
    }
  }

  #open(isObject: boolean, i: number, to: number): number {
    const strategy = this.#beginValue(i);
    if (strategy !== null) {
      this.#fields.replaceAll(strategy, i);
      return this.#beginSkip("container", i, to, false);
    }
    if (!this.#containers.open(isObject, this.#member)) throw this.#context.malformed(`nested deeper than ${DEEPEST}`);
    this.#naming.open(isObject, this.#containers.depth);
    this.#begun = false;
    this.#expect = isObject ? FIRST_NAME : FIRST_VALUE;
    return i + 1;
  }

  /** Announces a value to its container; the strategy if a path rule names it. */
  #beginValue(i: number): Strategy | null {
    if (!this.#begun) {
      this.#need(this.#expect === VALUE || this.#expect === FIRST_VALUE);
      this.#begun = true;
      if (this.#containers.depth === 0) this.#member = this.#context.paths?.root ?? null;
      else if (!this.#containers.isObject) this.#beginElement(i);
    }
    return this.#member?.strategy ?? null;
  }

  #beginElement(i: number): void {
    const { state } = this.#containers;
    if (state === null) return;
    const index = this.#containers.nextIndex();
    this.#member = this.#context.paths?.stepInto(state, index) ?? state;
    this.#admit(i);
  }

  /** The member or element that begins at `i` goes out, or is dropped together with the comma before it. */
  #admit(i: number): void {
    if (this.#member?.strategy === "drop") {
      this.#context.replaceField("drop", null);
      this.#fields.mute(this.#comma >= 0 ? this.#comma : i);
    } else this.#containers.keep();
    this.#comma = -1;
  }

  #endValue(i: number): number {
    this.#fields.endMute(i);
    this.#begun = false;
    this.#inside = STRUCTURE;
    this.#expect = this.#containers.depth === 0 ? VALUE : AFTER_VALUE;
    return i;
  }

  #quote(i: number, to: number, final: boolean): number {
    if (this.#expect === NAME || this.#expect === FIRST_NAME) return this.#name(i, to, final);
    const strategy = this.#beginValue(i);
    if (strategy !== null) return this.#stringField(strategy, i, to, final);
    if (this.#naming.role === GIVES_NAME) return this.#givenName(i, to, final);
    this.#naming.beginValue(this.#containers.depth);
    return this.#stringValue(i, to, final);
  }

  #stringValue(i: number, to: number, final: boolean): number {
    const { window, scanning, field } = this.#context;
    if (scanning.skipsPlain && field.rules.length === 0) {
      const end = plainEnd(window.bytes, i + 1, to);
      if (end >= 0) return this.#endValue(end + 1);
    }
    this.#isName = false;
    field.role = "value";
    return this.#beginString(i, to, final);
  }

  /** The value of `"name": …`, which may be the name of the value beside it: all of it is waited for, if it is short. */
  #givenName(i: number, to: number, final: boolean): number {
    const { window, scanning, field } = this.#context;
    const { bytes } = window;
    const { depth } = this.#containers;
    const limit = Math.min(to, i + LONGEST_GIVEN + 2);
    const end = this.#text.closing(i + 1, limit);
    if (end === WAIT && limit === to && to < i + LONGEST_GIVEN + 2 && !final) return this.#wait(i, i);
    if (end === WAIT) {
      this.#naming.give(depth, i, i);
      return this.#stringValue(i, to, final);
    }
    const { findings } = this.#text;
    if (!scanning.skipsPlain || field.rules.length > 0 || plainEnd(bytes, i + 1, end + 1) < 0) {
      field.role = "value";
      this.#text.scanWhole(i + 1, end);
    }
    const isName = !this.#fields.muted && this.#text.findings === findings;
    this.#naming.give(depth, i + 1, isName ? end : i + 1);
    return this.#endValue(end + 1);
  }

  #name(i: number, to: number, final: boolean): number {
    const { bytes } = this.#context.window;
    const limit = Math.min(to, i + LONGEST_RAW_NAME);
    const end = this.#text.closing(i + 1, limit);
    if (end === WAIT && limit === to && to < i + LONGEST_RAW_NAME && !final) return this.#wait(i, i);
    const { state } = this.#containers;
    if (state !== null) {
      const { paths } = this.#context;
      this.#member =
        end === WAIT
          ? (paths?.step(state, OTHER) ?? state)
          : memberStep(paths, state, bytes, i + 1, end, this.#text.sawEscape);
      this.#admit(i);
    }
    this.#naming.begin(i + 1, end === WAIT ? limit : end);
    this.#isName = true;
    if (end === WAIT) return this.#beginString(i, to, final);
    return this.#fields.muted || this.#naming.isKnown(i + 1, end) ? this.#endString(end) : this.#newName(i, end);
  }

  #newName(i: number, end: number): number {
    const { findings } = this.#text;
    const after = this.#beginString(i, end + 1, false);
    if (this.#text.findings === findings) this.#naming.remember(i + 1, end);
    return after;
  }

  /** A string from its opening quote on, to be scanned. */
  #beginString(i: number, to: number, final: boolean): number {
    this.#text.begin(i + 1);
    this.#inside = STRING;
    return this.#string(i + 1, to, final);
  }

  #string(i: number, to: number, final: boolean): number {
    const end = this.#text.scan(i, to, final);
    return end === WAIT ? this.#wait(to, this.#text.undecided) : this.#endString(end);
  }

  #endString(end: number): number {
    if (!this.#isName) return this.#endValue(end + 1);
    this.#inside = STRUCTURE;
    this.#expect = AFTER_NAME;
    return end + 1;
  }

  /** A string that a path rule names. */
  #stringField(strategy: Strategy, i: number, to: number, final: boolean): number {
    if (!this.#fields.muted && needsWhole(strategy)) {
      const limit = Math.min(to, i + LONGEST_WHOLE);
      const end = this.#text.closing(i + 1, limit);
      if (end === WAIT && to < i + LONGEST_WHOLE && !final) return this.#wait(i, i);
      if (end !== WAIT) {
        this.#fields.replaceString(strategy, i, end);
        return this.#endValue(end + 1);
      }
    }
    this.#fields.replaceAll(strategy, i);
    return this.#beginSkip("string", i + 1, to, final);
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
    this.#naming.beginValue(this.#containers.depth);
    this.#context.field.role = "value";
    if (long) {
      const { scanning, field, replace } = this.#context;
      this.#longWord ??= new Segment(window, scanning, field, PLAIN, replace);
      this.#longWord.begin(i);
      this.#inside = LONG_WORD;
      return this.#wordOn(this.#longWord, i, to, final);
    }
    const stop = scannedUntil(bytes, i, end, this.#context.scanning.known === null ? 9 : 6);
    const text = stop === 0 ? null : this.#words().mask(bytes, i, stop);
    if (text !== null) this.#fields.write(text, i, end);
    return this.#endValue(end);
  }

  #words(): WordScanner {
    const { scanning, field, replace } = this.#context;
    this.#word ??= new WordScanner(scanning, field, replace);
    return this.#word;
  }

  #scalarField(strategy: Strategy, i: number, end: number, long: boolean, to: number, final: boolean): number {
    if (long) {
      this.#fields.replaceAll(strategy, i);
      return this.#beginSkip("word", i, to, final);
    }
    this.#fields.replaceScalar(strategy, i, end);
    return this.#endValue(end);
  }

  #wordOn(word: Segment, i: number, to: number, final: boolean): number {
    const { bytes } = this.#context.window;
    let end = i;
    while (end < to && KINDS[bytes[end] as number] === 0) end++;
    word.advance(end, end < to || final);
    if (end === to && !final) return this.#wait(to, word.undecided);
    return this.#endValue(end);
  }

  #beginSkip(what: Skipped, i: number, to: number, final: boolean): number {
    this.#inside = SKIPPED;
    this.#skipper.begin(what);
    return this.#skip(i, to, final);
  }

  #skip(from: number, to: number, final: boolean): number {
    const end = this.#skipper.run(this.#context.window.bytes, from, to, final);
    return end === WAIT ? this.#wait(to, to) : this.#endValue(end);
  }

  #need(condition: boolean): void {
    if (!condition) throw this.#context.malformed("not JSON");
  }
}
