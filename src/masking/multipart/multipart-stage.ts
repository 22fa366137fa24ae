import { Buffer } from "node:buffer";
import type { GuardError } from "../../errors/guard-error.js";
import { joined, latin1 } from "../bytes.js";
import type { Stage } from "../stage.js";
import { type PartHeaders, readPartHeaders } from "./part-headers.js";

/** More parts than this, or longer headers of one, are no form that anybody sends. */
const MOST_PARTS = 4096;
const LONGEST_HEADERS = 16 * 1024;
/** Blanks after a delimiter (RFC 2046, section 5.1.1). */
const LONGEST_PADDING = 128;
const LF = 0x0a;
const CR = 0x0d;
const NOTHING: Uint8Array = new Uint8Array(0);

interface MultipartParts {
  readonly boundary: string;
  /** What stands before the first part, behind the last one, and in header sections. */
  readonly openText: () => Stage;
  /** `index` counts from 0. */
  readonly openPart: (headers: PartHeaders, index: number) => Stage;
  readonly malformed: (what: string) => GuardError;
}

/**
 * A body of several parts (RFC 2046, section 5.1), each of which is masked as what it says it is. Delimiters and line ends
 * go out as they came.
 */
export class MultipartStage implements Stage {
  readonly #parts: MultipartParts;
  /** A line feed and the delimiter; a carriage return before it belongs to it. */
  readonly #delimiter: Buffer;
  #inside: "start" | "body" | "delimiter" | "headers" | "epilogue" = "start";
  /** Not decided. */
  #rest: Uint8Array = NOTHING;
  #body: Stage;
  #count = 0;
  #out: Uint8Array[] = [];

  constructor(parts: MultipartParts) {
    this.#parts = parts;
    this.#delimiter = Buffer.from(`\n--${parts.boundary}`, "latin1");
    this.#body = parts.openText();
  }

  get held(): number {
    return this.#rest.length + this.#body.held;
  }

  push(chunk: Uint8Array): Uint8Array {
    let rest = this.#rest.length === 0 ? chunk : joined([this.#rest, chunk]);
    for (let next = this.#step(rest); next > 0; next = this.#step(rest)) rest = rest.subarray(next);
    this.#rest = rest.length === 0 ? NOTHING : new Uint8Array(rest);
    return joined(this.#out.splice(0));
  }

  flush(): Uint8Array {
    const rest = this.#rest;
    this.#rest = NOTHING;
    if (this.#inside === "start" || this.#inside === "body" || this.#inside === "epilogue") {
      this.#emit(this.#body.push(rest));
      this.#emit(this.#body.flush());
    } else this.#emit(this.#parts.openText().whole(rest));
    return joined(this.#out.splice(0));
  }

  whole(body: Uint8Array): Uint8Array {
    return joined([this.push(body), this.flush()]);
  }

  /** Takes from the beginning of `bytes` what can be decided; how much that was, or 0 if there must be more. */
  #step(bytes: Uint8Array): number {
    if (bytes.length === 0) return 0;
    switch (this.#inside) {
      case "start":
        return this.#start(bytes);
      case "body":
        return this.#content(bytes);
      case "delimiter":
        return this.#delimiterEnd(bytes);
      case "headers":
        return this.#headers(bytes);
      default:
        this.#emit(this.#body.push(bytes));
        return bytes.length;
    }
  }

  /** Before the first delimiter, and behind the headers of a part without a body, no line has to end. */
  #start(bytes: Uint8Array): number {
    const dashes = this.#delimiter.subarray(1);
    const there = Math.min(bytes.length, dashes.length);
    const isOne = dashes.compare(bytes, 0, there, 0, there) === 0;
    if (isOne && there < dashes.length) return 0;
    this.#inside = isOne ? "delimiter" : "body";
    if (!isOne) return this.#content(bytes);
    this.#emit(this.#body.flush());
    this.#emit(bytes.subarray(0, there));
    return there;
  }

  #content(bytes: Uint8Array): number {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const found = buffer.indexOf(this.#delimiter);
    if (found < 0) {
      const undecided = this.#undecided(buffer);
      if (undecided > 0) this.#emit(this.#body.push(bytes.subarray(0, undecided)));
      return undecided;
    }
    const end = found > 0 && bytes[found - 1] === CR ? found - 1 : found;
    this.#emit(this.#body.push(bytes.subarray(0, end)));
    this.#emit(this.#body.flush());
    const stop = found + this.#delimiter.length;
    this.#emit(bytes.subarray(end, stop));
    this.#inside = "delimiter";
    return stop;
  }

  /** Where the end of the bytes begins that may be the beginning of a delimiter. */
  #undecided(buffer: Buffer): number {
    const { length } = buffer;
    for (let i = Math.max(0, length - this.#delimiter.length - 1); i < length; i++) {
      const byte = buffer[i];
      if (byte !== CR && byte !== LF) continue;
      const from = byte === CR ? i + 1 : i;
      if (this.#delimiter.compare(buffer, from, length, 0, Math.min(length - from, this.#delimiter.length)) === 0)
        return i;
    }
    return length;
  }

  #delimiterEnd(bytes: Uint8Array): number {
    const end = bytes.indexOf(LF);
    const line = latin1(bytes, 0, end < 0 ? Math.min(bytes.length, LONGEST_PADDING) : Math.min(end, LONGEST_PADDING));
    if (line.startsWith("--")) {
      this.#inside = "epilogue";
      this.#body = this.#parts.openText();
      this.#emit(bytes.subarray(0, 2));
      return 2;
    }
    const isPadding = end < 0 ? /^(?:-|[ \t]*\r?)$/.test(line) : /^[ \t]*\r?$/.test(line);
    if (!isPadding || line.length === LONGEST_PADDING)
      throw this.#parts.malformed("not the multipart that it says it is");
    if (end < 0) return 0;
    if (this.#count === MOST_PARTS) throw this.#parts.malformed(`of more than ${MOST_PARTS} parts`);
    this.#emit(bytes.subarray(0, end + 1));
    this.#inside = "headers";
    return end + 1;
  }

  #headers(bytes: Uint8Array): number {
    const end = headersEnd(bytes);
    if (end < 0 ? bytes.length > LONGEST_HEADERS : end > LONGEST_HEADERS)
      throw this.#parts.malformed("a multipart with a header that is too long");
    if (end < 0) return 0;
    const section = bytes.subarray(0, end);
    const headers = readPartHeaders(section);
    if (headers === null) throw this.#parts.malformed("a multipart with headers that can be read in two ways");
    // The boundary of a part within has to stay what it is.
    const isNested = /^multipart\//i.test(headers.contentType);
    this.#emit(isNested ? section : this.#parts.openText().whole(section));
    this.#body = this.#parts.openPart(headers, this.#count++);
    this.#inside = "start";
    return end;
  }

  #emit(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#out.push(bytes);
  }
}

/** The index behind the empty line that ends a header section, or -1. */
function headersEnd(bytes: Uint8Array): number {
  let line = 0;
  for (let i = 0; i < bytes.length && i <= LONGEST_HEADERS; i++) {
    if (bytes[i] !== LF) continue;
    if (i === line || (i === line + 1 && bytes[line] === CR)) return i + 1;
    line = i + 1;
  }
  return -1;
}
