import { accessor, isOfType } from "../platform.js";

/** What `fetch` reads from its second argument, each member read once and not yet converted. */
export interface CallOptions {
  readonly method?: unknown;
  readonly headers?: unknown;
  readonly body?: unknown;
  readonly redirect?: unknown;
  readonly signal?: unknown;
  readonly duplex?: unknown;
  readonly mode?: unknown;
  readonly credentials?: unknown;
  readonly cache?: unknown;
  readonly referrer?: unknown;
  readonly referrerPolicy?: unknown;
  readonly integrity?: unknown;
  readonly keepalive?: unknown;
  readonly priority?: unknown;
  readonly window?: unknown;
}

/** Members that most calls have; what they mean is known without asking the platform. */
const USUAL = ["method", "headers", "body", "signal", "redirect", "duplex"] as const;
const SETTINGS = ["mode", "credentials", "cache", "referrer", "referrerPolicy", "integrity", "keepalive"] as const;
const UNUSUAL = [...SETTINGS, "priority", "window"] as const;

/** Options as plain values. `usual` says that none of the others was given. */
export interface ReadOptions {
  readonly values: CallOptions;
  readonly isEmpty: boolean;
  readonly usual: boolean;
}

type Draft = { -readonly [Member in keyof CallOptions]: CallOptions[Member] };

const NONE: ReadOptions = { values: Object.freeze(Object.create(null) as object), isEmpty: true, usual: true };
const ObjectPrototype = Object.prototype;

/**
 * Reads the options as fetch does, own and inherited members alike, but for those that `Object.prototype` has: a polluted
 * prototype must not add to every request. Unknown members are not looked at.
 */
export function readOptions(init: unknown): ReadOptions {
  if (init === undefined || init === null) return NONE;
  if (typeof init !== "object" && typeof init !== "function")
    throw new TypeError("RequestInit: the options of fetch must be an object");
  const values: Draft = Object.create(null);
  const take = readerOf(init);
  let isEmpty = true;
  let usual = true;
  for (const name of USUAL) {
    const value = take(name);
    if (value === undefined) continue;
    values[name] = value;
    isEmpty = false;
  }
  for (const name of UNUSUAL) {
    const value = take(name);
    if (value === undefined) continue;
    values[name] = value;
    isEmpty = false;
    usual = false;
  }
  return { values, isEmpty, usual };
}

function readerOf(init: object): (name: keyof CallOptions) => unknown {
  if (isRequest(init)) return (name) => requestField(init, name);
  const given = init as CallOptions;
  const prototype: unknown = Object.getPrototypeOf(init);
  if (prototype === ObjectPrototype || prototype === null)
    return (name) => (Object.hasOwn(init, name) ? given[name] : undefined);
  return (name) =>
    Object.hasOwn(init, name) || (name in init && !Object.hasOwn(ObjectPrototype, name)) ? given[name] : undefined;
}

const NativeRequest = Request;

type Field = "url" | "bodyUsed" | keyof CallOptions;
const FIELDS: readonly Field[] = [
  "url",
  "method",
  "headers",
  "body",
  "bodyUsed",
  "redirect",
  "signal",
  "duplex",
  ...SETTINGS,
];
const fields = new Map<string, (target: object) => unknown>(
  FIELDS.map((name) => [name, accessor(Request.prototype, name)]),
);

export const isNativeRequest = (value: unknown): value is Request => value instanceof NativeRequest;

/** A Request of this platform, or of another copy of undici. */
export const isRequest = (value: unknown): value is object => isNativeRequest(value) || isOfType(value, "Request");

/**
 * A Request of this platform is read through the platform's own accessors, whatever a subclass overrides; one of another
 * copy of undici has its own.
 */
export const requestField = (request: object, name: Field): unknown =>
  isNativeRequest(request) ? fields.get(name)?.(request) : (request as Readonly<Record<string, unknown>>)[name];

const TOLD = ["method", "redirect", ...SETTINGS] as const;

/** What a Request says about the call, without its body and signal. */
export function requestOptions(request: object): CallOptions {
  const options: Draft = Object.create(null);
  for (const name of TOLD) {
    const value = requestField(request, name);
    if (value !== undefined) options[name] = value;
  }
  return options;
}
