import { mapForEach, mapGet, mapSize } from "../../request/captured.js";
import { UTF8_BEGINNINGS } from "./bytes.js";
import { codeOf, GRAM, gramOf } from "./codes.js";
import { EscapeReader, hexValue, MORE, OVER } from "./escapes.js";
import { BASE64, HEX } from "./grams.js";
import type { SecretIndex } from "./secret-index.js";
import type { TrieNode } from "./trie.js";

/** Base64 of base64 is decoded, and what is in that is not. */
const DEEPEST = 2;
/** So much is decoded first: most of what looks like a secret turns out to be none at once. */
const FIRST_LOOK = 64;
const LF = 0x0a;
const CR = 0x0d;
const BLANK = 0x20;
const PLUS = 0x2b;
const PERCENT = 0x25;
const AMPERSAND = 0x26;
const BACKSLASH = 0x5c;

/** More work than any text takes that is not written to cost it. */
export class TooMuchWork extends Error {}

/** The value of a digit of base64 or base64url, also of a `+` that a form made a blank; or -1. */
function base64Value(code: number): number {
  if (code >= 0x41 && code <= 0x5a) return code - 0x41;
  if (code >= 0x61 && code <= 0x7a) return code - 0x47;
  if (code >= 0x30 && code <= 0x39) return code + 4;
  if (code === PLUS || code === 0x2d || code === BLANK) return 62;
  return code === 0x2f || code === 0x5f ? 63 : -1;
}

/** Finds out whether a known secret begins at a place, however it is written there. */
export class SecretProbe {
  readonly #index: SecretIndex;
  /** One for each layer of base64 or hex. */
  readonly #layers: readonly Layer[];
  /** What may still be spent. */
  budget = 0;

  constructor(index: SecretIndex) {
    this.#index = index;
    const layers: Layer[] = [];
    for (let i = 0; i <= DEEPEST; i++) layers[i] = new Layer();
    this.#layers = layers;
  }

  /** Whether the text may go on with a longer secret than was found: after {@link stopOf}. */
  get isOpen(): boolean {
    return (this.#layers[0] as Layer).isOpen;
  }

  /** The text that is looked at from now on. */
  read(bytes: ArrayLike<number>, end: number, final: boolean, foldCase: boolean): EscapeReader {
    const [layer] = this.#layers as [Layer];
    layer.open(bytes, end, final, foldCase);
    return layer.reader;
  }

  /** Where the longest known secret ends that begins at `start`, written in one of the ways of `kinds`; 0 if there is none. */
  stopOf(start: number, kinds: number): number {
    return this.#probe(0, start, kinds);
  }

  #probe(depth: number, start: number, kinds: number): number {
    const layer = this.#layers[depth] as Layer;
    layer.isOpen = false;
    let stop = (kinds & 1) === 0 ? 0 : this.#walk(layer, this.#index.trie.root, start);
    if (depth === DEEPEST) return stop;
    if ((kinds & (1 << HEX)) !== 0) stop = Math.max(stop, this.#decoded(depth, start, HEX));
    for (let before = 0; before < 3; before++) {
      if ((kinds & (1 << (BASE64 + before))) !== 0) stop = Math.max(stop, this.#decoded(depth, start, BASE64 + before));
    }
    return stop;
  }

  /** Compares the text from `start` on, read with its escapes, with every secret. */
  #walk(layer: Layer, root: TrieNode, start: number): number {
    layer.best = 0;
    this.#go(layer, root, root.label.length, start);
    return layer.best;
  }

  /** `node` was read up to `offset` of its label, and the text up to `at`. */
  #go(layer: Layer, node: TrieNode, offset: number, at: number): void {
    const { reader } = layer;
    let place: TrieNode | null = node;
    let read = offset;
    let next = at;
    while (place !== null) {
      if (read === place.label.length && place.count > 0 && next > layer.best) layer.best = next;
      if (--this.budget < 0) throw new TooMuchWork();
      const raw = reader.readAt(0, next);
      if (raw < 0) {
        if (raw === MORE && goesOn(place, read)) layer.isOpen = true;
        return;
      }
      const after = reader.next;
      layer.place = null;
      this.#offer(layer, place, read, raw, after);
      // What looks like an escape may be one, and may be part of the secret as it stands.
      if (raw === PERCENT || raw === AMPERSAND || raw === BACKSLASH) this.#offerEscape(layer, place, read, next);
      else if (raw === PLUS) this.#offer(layer, place, read, BLANK, after);
      else if (layer.foldCase && raw >= 0x61 && raw <= 0x7a) this.#offer(layer, place, read, raw - 0x20, after);
      place = layer.place;
      read = layer.read;
      next = layer.next;
    }
  }

  /** The text may go on with `byte`, and behind that at `after`: where a secret does, too, that is one way to go. */
  #offer(layer: Layer, node: TrieNode, offset: number, byte: number, after: number): void {
    const on = step(node, offset, byte);
    if (on !== null) this.#offerPlace(layer, on, on === node ? offset + 1 : 1, after);
  }

  /** The first way is gone by {@link #go} itself, further ones, which are rare, on the side. */
  #offerPlace(layer: Layer, on: TrieNode, read: number, after: number): void {
    const { place } = layer;
    if (place === null) {
      layer.place = on;
      layer.read = read;
      layer.next = after;
      return;
    }
    const first = { read: layer.read, next: layer.next };
    this.#go(layer, on, read, after);
    layer.place = place;
    layer.read = first.read;
    layer.next = first.next;
  }

  /** The escape at `at`, with one layer undone, and two, and as many as there are. */
  #offerEscape(layer: Layer, node: TrieNode, offset: number, at: number): void {
    const { reader } = layer;
    let last = at + 1;
    for (let depth = 1; ; depth++) {
      const code = reader.readAt(depth, at);
      const { next, isPoint } = reader;
      if (code === MORE) {
        if (goesOn(node, offset)) layer.isOpen = true;
        return;
      }
      if (next === last) return;
      this.budget -= next - at;
      last = next;
      if (code <= 0xff) this.#offer(layer, node, offset, code, next);
      if (code === PLUS) this.#offer(layer, node, offset, BLANK, next);
      if (isPoint && code >= 0x80) this.#offerPoint(layer, node, offset, code, next);
    }
  }

  /** A code point in UTF-8. */
  #offerPoint(layer: Layer, node: TrieNode, offset: number, code: number, after: number): void {
    const further = code < 0x800 ? 1 : code < 0x1_0000 ? 2 : 3;
    let place: TrieNode | null = node;
    let read = offset;
    for (let i = further; i >= 0 && place !== null; i--) {
      const bits = code >> (6 * i);
      const byte = i === further ? (UTF8_BEGINNINGS[further] as number) | bits : 0x80 | (bits & 0x3f);
      const on: TrieNode | null = step(place, read, byte);
      read = on === place ? read + 1 : 1;
      place = on;
    }
    if (place !== null) this.#offerPlace(layer, place, read, after);
  }

  /** The same in what the hex or base64 from `start` on stands for. */
  #decoded(depth: number, start: number, kind: number): number {
    const outer = this.#layers[depth] as Layer;
    const inner = this.#layers[depth + 1] as Layer;
    for (let most = FIRST_LOOK; ; most *= 4) {
      const decoded =
        kind === HEX ? outer.decodeHex(start, most, inner) : outer.decodeBase64(start, kind - BASE64, most, inner);
      this.budget -= inner.length + GRAM;
      if (this.budget < 0) throw new TooMuchWork();
      inner.open(inner.bytes, inner.length, decoded === OVER, false);
      const stop = this.#inDecoded(depth + 1, kind === HEX ? 0 : kind - BASE64);
      if (inner.isOpen && decoded === 0) continue;
      if (inner.isOpen) outer.isOpen = true;
      return stop === 0 ? 0 : (inner.ends[stop - 1] as number);
    }
  }

  /** Where a secret ends that begins with the first decoded byte. Of that one, bits may be missing: those of the digit before. */
  #inDecoded(depth: number, before: number): number {
    const layer = this.#layers[depth] as Layer;
    const kinds = this.#kindsAt(layer);
    const stop = this.#probe(depth, 0, kinds === MORE ? 1 : kinds);
    if (kinds === MORE) layer.isOpen = true;
    if (before === 0 || stop > 0 || layer.isOpen) return stop;
    const bits = before === 1 ? 0x0f : 0x3f;
    const low = (layer.bytes[0] as number) & bits;
    const { root } = this.#index.trie;
    let best = 0;
    let isOpen = false;
    mapForEach(root.children, (_child, byte) => {
      if ((byte & bits) !== low || layer.length === 0) return;
      layer.bytes[0] = byte;
      best = Math.max(best, this.#walk(layer, root, 0));
      isOpen ||= layer.isOpen;
    });
    layer.isOpen = isOpen;
    return best;
  }

  /** In which ways the decoded text may be written itself; MORE while too little of it is there. */
  #kindsAt(layer: Layer): number {
    const { reader } = layer;
    const codes: number[] = [];
    let at = 0;
    for (let i = 0; i < GRAM; i++) {
      const code = reader.read(at);
      if (code === MORE) return MORE;
      if (code < 0) return 1;
      codes[i] = code;
      at = reader.next;
    }
    let unescaped = 0;
    for (let i = 0; i < GRAM; i++) unescaped = (unescaped << 6) | codeOf((codes[i] as number) & 0xff);
    return 1 | this.#index.grams.kinds(gramOf(layer.bytes, layer.length)) | this.#index.grams.kinds(unescaped);
  }
}

/** Where the byte leads from a place in the trie, or null. */
function step(node: TrieNode, offset: number, byte: number): TrieNode | null {
  if (offset < node.label.length) return node.label[offset] === byte ? node : null;
  return mapGet(node.children, byte) ?? null;
}

/** Whether a longer secret goes on from here. */
const goesOn = (node: TrieNode, offset: number): boolean => offset < node.label.length || mapSize(node.children) > 0;

/** A text, or what a part of one stands for. */
class Layer {
  readonly reader: EscapeReader = new EscapeReader();
  /** Of decoded text: its bytes, and where each ends in the text that it was decoded from. */
  bytes: Uint8Array = new Uint8Array(FIRST_LOOK);
  ends: Int32Array = new Int32Array(FIRST_LOOK);
  length = 0;
  foldCase = false;
  /** Where the longest secret ends that was found. */
  best = 0;
  isOpen = false;
  /** Where a comparison goes on: a place in the trie, how much of its label was read, and where the text goes on. */
  place: TrieNode | null = null;
  read = 0;
  next = 0;

  open(bytes: ArrayLike<number>, end: number, final: boolean, foldCase: boolean): void {
    this.reader.open(bytes, end, final);
    this.foldCase = foldCase;
    this.isOpen = false;
  }

  /** Decodes at most `most` bytes into `inner`. MORE and OVER say how the text ended before that, 0 that it did not. */
  decodeHex(start: number, most: number, inner: Layer): number {
    inner.#reserve(most);
    inner.length = 0;
    let at = start;
    for (; inner.length < most; ) {
      if (inner.length > 0) at = this.#skipSeparator(at);
      const high = this.reader.read(at);
      const low = hexValue(high) < 0 ? high : this.reader.read(this.reader.next);
      if (low === MORE) return MORE;
      if (hexValue(high) < 0 || hexValue(low) < 0) return OVER;
      at = this.reader.next;
      inner.bytes[inner.length] = hexValue(high) * 16 + hexValue(low);
      inner.ends[inner.length++] = at;
    }
    return 0;
  }

  /** Behind one of the signs that stand between the pairs of a hex dump, or a line end. */
  #skipSeparator(at: number): number {
    const code = this.reader.read(at);
    return code === BLANK || code === 0x3a || code === 0x2d || code === LF ? this.reader.next : at;
  }

  /** The same for base64, of which the digits before `start` hold bits of the first byte where `before` is 1 or 2. */
  decodeBase64(start: number, before: number, most: number, inner: Layer): number {
    inner.#reserve(most);
    inner.length = 0;
    let bits = before === 0 ? 0 : before === 1 ? 4 : 2;
    let value = bits === 0 ? 0 : this.#bitsBefore(start, bits);
    for (let at = start; inner.length < most; ) {
      const code = this.reader.read(at);
      if (code === MORE) return MORE;
      at = this.reader.next;
      if (code === LF || code === CR) continue;
      const digit = base64Value(code);
      if (digit < 0) return OVER;
      value = (value << 6) | digit;
      bits += 6;
      if (bits < 8) continue;
      bits -= 8;
      inner.bytes[inner.length] = (value >> bits) & 0xff;
      inner.ends[inner.length++] = at;
      value &= (1 << bits) - 1;
    }
    return 0;
  }

  /** The last bits of the digit before `start`, where it is one and stands for itself. */
  #bitsBefore(start: number, bits: number): number {
    const code = start === 0 ? -1 : this.reader.readAt(0, start - 1);
    const digit = code < 0 ? 0 : base64Value(code);
    return digit < 0 ? 0 : digit & ((1 << bits) - 1);
  }

  #reserve(length: number): void {
    if (this.bytes.length >= length) return;
    this.bytes = new Uint8Array(length);
    this.ends = new Int32Array(length);
  }
}
