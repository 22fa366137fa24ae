import { readFileSync } from "node:fs";
import { createMasker, type Masker, type MaskingPass, type OpenOptions } from "../../src/masking/index.js";

/** One case of the corpus: a text (base64, so that no scanner takes this file for a leak) and what is in it. */
export interface Case {
  readonly id: string;
  readonly kind: string;
  readonly positive: boolean;
  /** `strong` cases are scored; of the others, whether they are one depends on the policy, or on context they do not have. */
  readonly strength: "strong" | "weak" | "policy";
  readonly region?: string;
  /** UTF-16 code units, end exclusive. */
  readonly spans: readonly (readonly [number, number])[];
  readonly text: string;
}

export const CASES: readonly Case[] = (
  JSON.parse(readFileSync(new URL("../cases/masking.json", import.meta.url), "utf8")) as (Case & { text64: string })[]
).map(({ text64, ...rest }) => ({ ...rest, text: Buffer.from(text64, "base64").toString("utf8") }));

export const JSON_TYPE: OpenOptions = { contentType: "application/json" };
export const TEXT_TYPE: OpenOptions = { contentType: "text/plain; charset=utf-8" };
export const SSE_TYPE: OpenOptions = { contentType: "text/event-stream" };
export const FORM_TYPE: OpenOptions = { contentType: "application/x-www-form-urlencoded" };

export const masker: Masker = createMasker();

/** Everything that comes out of a pass for these chunks, flush included. */
export function through(pass: MaskingPass, chunks: Iterable<Uint8Array>): string {
  const out: Uint8Array[] = [];
  for (const chunk of chunks) out.push(Uint8Array.from(pass.push(chunk)));
  out.push(pass.flush());
  return Buffer.concat(out).toString("utf8");
}

export const whole = (options: OpenOptions, text: string, by: Masker = masker): string =>
  through(by.open(options), [Buffer.from(text)]);

export function* split(text: string, ...at: number[]): Generator<Uint8Array> {
  const bytes = Buffer.from(text);
  let from = 0;
  for (const to of [...at, bytes.length]) {
    yield bytes.subarray(from, to);
    from = to;
  }
}

export function* oneByOne(text: string): Generator<Uint8Array> {
  for (const byte of Buffer.from(text)) yield Uint8Array.of(byte);
}

/** The outputs for every split into two and for one-byte chunks: one, if chunking does not matter. */
export function everyChunking(options: OpenOptions, text: string, by: Masker = masker): Set<string> {
  const outputs = new Set([whole(options, text, by), through(by.open(options), oneByOne(text))]);
  for (let i = 1; i < Buffer.byteLength(text); i++) outputs.add(through(by.open(options), split(text, i)));
  return outputs;
}
