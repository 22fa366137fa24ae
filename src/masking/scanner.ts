import { type Automaton, COLUMN_BITS, HIT, type Output } from "./automaton.js";
import { BASE64URL, CLASS, is, LABEL, LETTER, LOCAL } from "./bytes.js";
import { LONGEST_LOCAL } from "./detectors/email.js";
import { type PemProgress, pemEnd } from "./detectors/private-key.js";
import type { KnownNames } from "./json/names.js";
import type { SecretIndex } from "./known/secret-index.js";
import { SecretSearch } from "./known/secret-search.js";
import { type FieldContext, MATCH, MORE, NONE, OPEN, Probe, type Swallow, type Verdict } from "./probe.js";

/** Everything that may belong to a finding whose anchor has not come yet: a local part, `+`, `(`, `~`, the letters of an IBAN. */
const HELD: Uint8Array = CLASS.map((flags, code) => ((flags & LOCAL) !== 0 || code === 0x28 || code === 0x7e ? 1 : 0));

/** Signs by which addresses and tokens are found, and what follows them there. */
const SIGNS: Uint8Array = new Uint8Array(256);
for (const sign of "@+-.:") SIGNS[sign.charCodeAt(0)] = 1;
const WORDS: Uint8Array = CLASS.map((flags, code) => ((flags & (BASE64URL | LABEL)) !== 0 || code === 0x3a ? 1 : 0));

/** How much is kept, at most, of a finding whose end is not in sight and whose strategy needs all of it. Longer ones are redacted. */
export const LONGEST_WHOLE = 4096;

/** How far back a detector looks from where a candidate begins. */
export const LOOK_BEHIND = 64;

/** Is told of findings, in order, with indices into the bytes given to {@link Scanner.run}. */
export interface Sink {
  /** `whole` is false if more of it follows in {@link swallowed}. */
  found(kind: string, vendor: string | undefined, bytes: Uint8Array, start: number, stop: number, whole: boolean): void;
  /** `start` to `stop` belongs to the finding before. */
  swallowed(start: number, stop: number): void;
}

export interface ScannerOptions {
  readonly automaton: Automaton;
  /** Kinds whose strategy needs the whole value. */
  readonly needsWhole: (kind: string) => boolean;
  /** Whether a value is on the allow-list. */
  readonly allowed: (bytes: Uint8Array, start: number, stop: number) => boolean;
  /** Exact values that must not appear, found before anything else is; null for none. */
  readonly known: SecretIndex | null;
  /** Whether short words, UUIDs and instants are nothing that is looked for. */
  readonly skipsPlain: boolean;
  /** Names of JSON members in which nothing is found, shared by all bodies. */
  readonly names: KnownNames;
}

/** What a known secret is called. */
const CREDENTIAL = "CREDENTIAL";

interface Planned {
  readonly verdict: Verdict;
  readonly kind: string;
  readonly vendor: string | undefined;
  start: number;
  stop: number;
  readonly swallow: Swallow | undefined;
}

const byStart = (a: Planned, b: Planned): number => a.start - b.start;

/** Puts a planned finding back into the probe. */
function recall({ verdict, kind, vendor, start, stop, swallow }: Planned, probe: Probe): Verdict {
  probe.match(kind, start, stop);
  probe.vendor = vendor;
  probe.swallow = swallow;
  return verdict;
}

/**
 * Finds what the detectors look for in one segment (a text, a JSON string, a form value) that arrives in pieces. Says
 * of every piece how far it is decided: nothing before {@link hold} can be part of a finding that is still to come. It
 * gives the same findings however the segment is cut.
 */
export class Scanner {
  readonly #options: ScannerOptions;
  readonly #sink: Sink;
  readonly #probe: Probe;
  readonly #search: SecretSearch | null;
  #state = 0;
  #swallow: Swallow | undefined;
  /** Within a PEM block whose END line has not come. */
  #pemOpen = false;
  /** Rules of the field's name that have not been asked yet. */
  #rules = 0;
  /**
   * Findings that begin behind their anchor, in order: a keyword gives its value away from afar. What lies between is
   * read first, so that nothing else in it is passed over.
   */
  #planned: Planned[] = [];
  /** The next byte to read. */
  #position = 0;
  /** After {@link run}: everything before this index is decided. */
  hold = 0;

  constructor(options: ScannerOptions, field: FieldContext, sink: Sink) {
    this.#options = options;
    this.#probe = new Probe(field);
    this.#sink = sink;
    this.#search = options.known === null ? null : new SecretSearch(options.known);
  }

  /** A new segment begins at index `at`. */
  begin(at: number): void {
    const probe = this.#probe;
    this.#state = 0;
    this.#swallow = undefined;
    this.#pemOpen = false;
    if (this.#planned.length > 0) this.#planned = [];
    this.#position = at;
    this.hold = at;
    this.#search?.begin(at);
    probe.floor = at;
    probe.contextFloor = at;
    probe.segmentStart = at;
    this.#rules = probe.field.role === "value" ? probe.field.rules.length : 0;
  }

  /** Another line of the same segment begins at `at`: what is being swallowed goes on being swallowed. */
  continueAt(at: number): void {
    const open = this.#pemOpen;
    this.begin(at);
    this.#pemOpen = open;
    this.#swallow = open ? "pem" : undefined;
  }

  /** The bytes are now found `by` further on (or, negative, further back). */
  shift(by: number): void {
    this.#position += by;
    this.hold += by;
    this.#search?.shift(by);
    const probe = this.#probe;
    probe.floor += by;
    probe.contextFloor += by;
    for (const planned of this.#planned) {
      planned.start += by;
      planned.stop += by;
    }
    probe.segmentStart = probe.segmentStart < 0 ? -1 : Math.max(-1, probe.segmentStart + by);
  }

  /** Whether a finding goes on with whatever comes next. */
  get isSwallowing(): boolean {
    return this.#swallow !== undefined;
  }

  run(bytes: Uint8Array, there: number, ended: boolean): void {
    const probe = this.#probe;
    const end = this.#search === null ? there : this.#searched(this.#search, bytes, there, ended);
    const final = ended && end === there;
    probe.bytes = bytes;
    probe.end = end;
    probe.final = final;
    if (this.#swallow !== undefined && !this.#swallowOn()) return;
    while (this.#rules > 0) {
      const verdict = probe.field.rules[this.#rules - 1]?.(probe) ?? NONE;
      if (verdict === NONE) this.#rules--;
      else if (!this.#take(verdict)) return;
      else this.#rules = 0;
    }
    const { next, columns } = this.#options.automaton;
    let position = this.#position;
    let state = this.#state;
    for (;;) {
      const planned = this.#planned.length === 0 ? undefined : this.#planned[0];
      const limit = planned === undefined ? end : planned.start;
      let entry = 0;
      while (position < limit) {
        entry = next[(state << COLUMN_BITS) | (columns[bytes[position++] as number] as number)] as number;
        if ((entry & HIT) !== 0) break;
        state = entry;
      }
      let verdict: Verdict = NONE;
      if ((entry & HIT) !== 0) {
        const before = state;
        state = entry & ~HIT;
        // With no more of a word behind it, such a sign is punctuation.
        if (position < limit && SIGNS[bytes[position - 1] as number] === 1 && WORDS[bytes[position] as number] === 0)
          continue;
        verdict = this.#ask(state, position);
        if (verdict === NONE) continue;
        // Asked again from here if it is not decided.
        position--;
        state = before;
      } else if (planned === undefined) break;
      else verdict = recall(planned, probe);
      this.#position = position;
      this.#state = state;
      if (!this.#take(verdict)) return;
      position = this.#position;
      state = this.#state;
    }
    this.#position = end;
    this.#state = state;
    if (final) this.hold = end;
    else this.#holdBack(end);
  }

  /** Holds back what begins at `index`, the word it is part of, and the literal that may be half read with the word before it. */
  #holdBack(index: number): void {
    const literal = this.#position - (this.#options.automaton.depth[this.#state] as number);
    const open = Math.max(
      this.#probe.floor,
      Math.min(this.#wordStart(index), this.#wordStart(Math.min(index, literal))),
    );
    // What was decided before stays decided: an anchor that is still to come does not reach back that far.
    this.hold = Math.max(this.hold, open);
  }

  #ask(state: number, position: number): Verdict {
    const outputs = this.#options.automaton.outputs[state] as readonly Output[];
    for (let i = 0; i < outputs.length; i++) {
      const { detector, length } = outputs[i] as Output;
      const start = position - length;
      if (start < this.#probe.floor) continue;
      const verdict = detector.probe(this.#probe, start, position);
      if (verdict === NONE) continue;
      if (verdict === MORE || this.#probe.start <= position) return verdict;
      this.#plan(verdict);
    }
    return NONE;
  }

  /** Plans to replace known secrets, and gives the index before which they are all known: the rest is as if it had not come. */
  #searched(search: SecretSearch, bytes: Uint8Array, end: number, final: boolean): number {
    search.run(bytes, end, final);
    const { finder, gate } = search;
    for (let i = 0; i < finder.count; i++) {
      const start = finder.starts[i] as number;
      const stop = finder.stops[i] as number;
      this.#planned.push({ verdict: MATCH, kind: CREDENTIAL, vendor: undefined, start, stop, swallow: undefined });
    }
    // What was planned before lies ahead of what is new, but for a value that a name gave away from afar.
    if (finder.count > 0 && this.#planned.length > finder.count) this.#planned.sort(byStart);
    return gate;
  }

  /** A finding that begins where a known secret does, or would let the end of one go, is that secret's. */
  #claim(verdict: Verdict): void {
    const probe = this.#probe;
    for (let i = 0; i < this.#planned.length; i++) {
      const { kind, start, stop } = this.#planned[i] as Planned;
      // Where an open finding ends is not known yet; what is left of a secret behind it is found there.
      if (start >= (verdict === OPEN ? probe.start + 1 : probe.stop)) return;
      if (kind !== CREDENTIAL || start < probe.start || (start > probe.start && stop <= probe.stop)) continue;
      probe.kind = CREDENTIAL;
      probe.vendor = undefined;
      probe.stop = Math.max(probe.stop, stop);
    }
  }

  #plan(verdict: Verdict): void {
    const { kind, vendor, start, stop, swallow } = this.#probe;
    if (this.#planned.some((planned) => planned.start === start)) return;
    this.#planned.push({ verdict, kind, vendor, start, stop, swallow });
    this.#planned.sort(byStart);
  }

  /** A finding ended at `stop`; of what was planned before that, only what is left of it. */
  #endFinding(stop: number): void {
    const probe = this.#probe;
    this.#position = stop;
    probe.floor = stop;
    probe.contextFloor = stop;
    if (this.#planned.length === 0) return;
    for (const planned of this.#planned) planned.start = Math.max(planned.start, stop);
    this.#planned = this.#planned.filter((planned) => planned.stop > stop);
  }

  /** Acts on a verdict; false if no more can be decided now. */
  #take(verdict: Verdict): boolean {
    const probe = this.#probe;
    let decided = verdict;
    if (decided !== MORE) this.#claim(decided);
    if (decided === OPEN) decided = this.#close();
    if (decided === MORE) {
      this.#holdBack(probe.start);
      return false;
    }
    const { start, stop } = probe;
    if (decided === NONE || start < probe.floor) throw new RangeError("a detector found something outside its segment");
    const { bytes } = probe;
    if (decided === OPEN || !this.#options.allowed(bytes, start, stop))
      this.#sink.found(probe.kind, probe.vendor, bytes, start, stop, decided === MATCH);
    this.#state = 0;
    this.#endFinding(stop);
    if (decided === MATCH) return true;
    this.#rules = 0;
    this.#swallow = probe.swallow;
    return this.#swallowOn();
  }

  /** Turns an open finding into one with an end, if the end is in sight or must be waited for. */
  #close(): Verdict {
    const probe = this.#probe;
    const { start, stop, bytes, end, final } = probe;
    const progress = swallowEnd(probe.swallow as Swallow, bytes, stop, end, final);
    if (progress.ended) {
      probe.stop = progress.stop;
      this.#pemOpen = probe.swallow === "pem" && !progress.closed;
      return MATCH;
    }
    return this.#options.needsWhole(probe.kind) && end - start < LONGEST_WHOLE ? MORE : OPEN;
  }

  /** Swallows what is there; false if there may be more of it to come. */
  #swallowOn(): boolean {
    const probe = this.#probe;
    const { stop, ended, closed } = swallowEnd(
      this.#swallow as Swallow,
      probe.bytes,
      this.#position,
      probe.end,
      probe.final,
    );
    if (stop > this.#position) this.#sink.swallowed(this.#position, stop);
    this.hold = stop;
    this.#endFinding(stop);
    this.#pemOpen = this.#swallow === "pem" && !closed;
    if (ended) this.#swallow = undefined;
    return ended;
  }

  /** Back from `index` over everything that may belong to a finding with an anchor still to come. */
  #wordStart(index: number): number {
    const { bytes, floor } = this.#probe;
    const earliest = Math.max(floor, index - LONGEST_LOCAL);
    let start = index;
    while (start > earliest && HELD[bytes[start - 1] as number] === 1) start--;
    // Some numbers of states begin with one or two letters and a blank.
    if (start - 2 < earliest || bytes[start - 1] !== 0x20) return start;
    let letters = start - 1;
    while (letters > earliest && start - letters <= 3 && is(bytes[letters - 1], LETTER)) letters--;
    return start - letters <= 3 ? letters : start;
  }
}

function swallowEnd(swallow: Swallow, bytes: Uint8Array, from: number, end: number, final: boolean): PemProgress {
  if (swallow === "pem") return pemEnd(bytes, from, end, final);
  let stop = from;
  while (stop < end && swallow[bytes[stop] as number] === 1) stop++;
  const closed = stop < end;
  return { stop, ended: closed || final, closed };
}
