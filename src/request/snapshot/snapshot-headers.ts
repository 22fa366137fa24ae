import { trimmed } from "../headers.js";
import { method } from "../platform.js";

type Pairs = readonly (readonly [string, string])[];

const NativeHeaders = Headers;
const headerEntries = method(Headers.prototype.entries);

/** Accepts what fetch accepts: Headers of any copy, pairs, or a record. Names and values are not checked here. */
export function snapshotHeaders(source: unknown): Pairs {
  if (source === undefined) return [];
  if (typeof source !== "object" || source === null) throw notHeaders(source);
  if (source instanceof NativeHeaders) return [...headerEntries(source)];
  if (Symbol.iterator in source) return Array.from(source as Iterable<unknown>, pairOf);
  const pairs: [string, string][] = [];
  for (const name of Reflect.ownKeys(source)) {
    if (Object.getOwnPropertyDescriptor(source, name)?.enumerable !== true) continue;
    if (typeof name === "symbol") throw new TypeError("a header name cannot be a symbol");
    pairs.push([name, text((source as Record<string, unknown>)[name])]);
  }
  return pairs;
}

/**
 * Repeated fields as one, their values joined by a comma and a blank, in the place of the first: what fetch sends, and what
 * `Headers` has made of them already (Fetch standard, "combine" of a header list).
 */
export function combined(pairs: Pairs): Pairs {
  const values = new Map<string, [string, string]>();
  for (const [name, value] of pairs) {
    const folded = name.toLowerCase();
    const earlier = values.get(folded);
    if (earlier === undefined) values.set(folded, [name, trimmed(value)]);
    else earlier[1] = `${earlier[1]}, ${trimmed(value)}`;
  }
  return values.size === pairs.length ? pairs : [...values.values()];
}

function pairOf(pair: unknown): readonly [string, string] {
  if (typeof pair !== "object" || pair === null || !(Symbol.iterator in pair))
    throw new TypeError("each header must be a pair of name and value");
  const [name, value, ...more] = Array.from(pair as Iterable<unknown>);
  if (value === undefined || more.length > 0) throw new TypeError("each header must be a pair of name and value");
  return [text(name), text(value)];
}

/** As JavaScript's own conversion does, which refuses a symbol. */
const text = (value: unknown): string => `${value as string}`;

/** The platform's own words for what is no headers at all. */
function notHeaders(source: unknown): TypeError {
  try {
    new NativeHeaders(source as HeadersInit);
  } catch (error) {
    if (error instanceof TypeError) return error;
  }
  return new TypeError("headers must be an object, pairs or Headers");
}
