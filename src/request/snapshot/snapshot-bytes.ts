import { types } from "node:util";
import { accessor } from "../platform.js";

/**
 * Bytes that the caller handed over, as a copy. What they are is told by what is built into the value, and not by its class:
 * bytes of another realm (`node:vm`) are bytes, and what only looks like bytes is none.
 */

const { isAnyArrayBuffer, isDataView, isUint8Array } = types;
const { isView } = ArrayBuffer;

type Read = (target: object) => unknown;
const viewParts = (
  prototype: object,
): { readonly buffer: Read; readonly byteOffset: Read; readonly byteLength: Read } => ({
  buffer: accessor(prototype, "buffer"),
  byteOffset: accessor(prototype, "byteOffset"),
  byteLength: accessor(prototype, "byteLength"),
});
const TYPED_ARRAY = viewParts(Object.getPrototypeOf(Uint8Array.prototype));
const DATA_VIEW = viewParts(DataView.prototype);

/** A copy of a buffer or of what a view really shows, on memory that nobody shares or resizes; null for anything else. */
export function copyOfBytes(value: unknown): Uint8Array<ArrayBuffer> | null {
  if (isView(value)) return copyOfView(value);
  // The constructor reads what is built into the value, not its iterator: first a view of it, then a copy of that.
  return isAnyArrayBuffer(value) ? new Uint8Array(new Uint8Array(value)) : null;
}

function copyOfView(view: ArrayBufferView): Uint8Array<ArrayBuffer> {
  const parts = isDataView(view) ? DATA_VIEW : TYPED_ARRAY;
  const [offset, length] = [parts.byteOffset(view) as number, parts.byteLength(view) as number];
  return new Uint8Array(new Uint8Array(parts.buffer(view) as ArrayBuffer, offset, length));
}

const utf8 = new TextEncoder();

/**
 * A chunk of a streamed body as bytes of our own: its producer may write the next chunk into the same memory. Text is sent as
 * UTF-8, as undici does where the standard has a TypeError; nothing else is.
 */
export function copyOfChunk(chunk: unknown): Uint8Array<ArrayBuffer> {
  if (typeof chunk === "string") return utf8.encode(chunk);
  if (isUint8Array(chunk)) return copyOfView(chunk);
  throw new TypeError("Received non-Uint8Array chunk");
}
