import type { Place, Shape } from "./shape.js";
import { needed, readAt } from "./shape.js";
import { suggestion } from "./suggest.js";

/** A shape for each member: a member without one does not compile, so that no option is forgotten. */
export type Members<Value> = { readonly [Name in keyof Required<Value>]: Shape<Exclude<Value[Name], undefined>> };

/** Whether something has members by name: not null, no list. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/**
 * Options by name. A name that nobody knows is refused: a misspelt limit is no limit. What is returned is a copy, each member
 * of which was read once, so that a getter or a proxy cannot say one thing here and another later. What every object
 * inherits from `Object.prototype` is nobody's option.
 */
export const object = <Value>(members: Members<Value>, message = "must be an object"): Shape<Value> => {
  const known = Object.entries(members) as [string, Shape<unknown>][];
  const names = known.map(([name]) => name);
  return {
    read(given, place) {
      if (!isObject(given)) {
        place.report(message);
        return undefined;
      }
      for (const name of Object.keys(given)) {
        if (!names.includes(name)) place.at(name).report(`is not a known option${suggestion(name, names)}`);
      }
      // Without a prototype: what is not there is not asked of `Object.prototype` later either.
      const read = Object.create(null) as Record<string, unknown>;
      for (const [name, shape] of known) {
        const value = readMember(given, name, shape, place.at(name));
        if (value !== undefined) read[name] = value;
      }
      return read as Value;
    },
  };
};

function readMember(given: object, name: string, shape: Shape<unknown>, place: Place): unknown {
  let value: unknown;
  try {
    value = isGiven(given, name) ? (given as Readonly<Record<string, unknown>>)[name] : undefined;
  } catch {
    place.report("cannot be read"); // a getter that throws
    return shape.unusable;
  }
  return readAt(value, shape, place);
}

/** Whether it is the object's own, or of its class. */
function isGiven(given: object, name: string): boolean {
  for (let at: object | null = given; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at) as object)
    if (Object.hasOwn(at, name)) return true;
  return false;
}

/** A list, copied. */
export const list = <Value>(
  entry: Shape<Value>,
  { least = 0, most = 100_000, message = "must be a list" }: ListLimits = {},
): Shape<readonly Value[]> => ({
  read(given, place) {
    if (!Array.isArray(given) || given.length < least || given.length > most) {
      place.report(message);
      return undefined;
    }
    const read: Value[] = [];
    for (let at = 0; at < given.length; at++) {
      const one = readAt(given[at], needed(entry, "must not be left out"), place.at(at));
      if (one !== undefined) read.push(one);
    }
    return read;
  },
});

interface ListLimits {
  readonly least?: number;
  readonly most?: number;
  readonly message?: string;
}

/** One, or a list of such. */
export const oneOrMore = <Value>(entry: Shape<Value>, message?: string): Shape<Value | readonly Value[]> => {
  const several = list(entry, { least: 1, ...(message === undefined ? {} : { message }) });
  return { read: (given, place) => (Array.isArray(given) ? several : entry).read(given, place) };
};

/** Values by names that the caller chooses; copied into an object without a prototype. */
export const dictionary = <Value>(
  entry: Shape<Value>,
  message = "must be an object",
): Shape<Readonly<Record<string, Value>>> => ({
  read(given, place) {
    if (!isObject(given)) {
      place.report(message);
      return undefined;
    }
    const read = Object.create(null) as Record<string, Value>;
    for (const name of Object.keys(given)) {
      const one = readMember(given, name, needed(entry, "must not be left out"), place.at(name));
      if (one !== undefined) read[name] = one as Value;
    }
    return read;
  },
});

/** An object that does something: a store, a clock, a provider. Used as it is; its verbs must be functions. */
export const having = <Value>(verbs: readonly string[], message: string): Shape<Value> => ({
  read(given, place) {
    const isThere = (typeof given === "object" && given !== null) || typeof given === "function";
    if (isThere && verbs.every((verb) => typeof (given as Record<string, unknown>)[verb] === "function"))
      return given as Value;
    place.report(message);
    return undefined;
  },
});

/** A signal by which waiting can be ended. */
export const abortSignal: Shape<AbortSignal> = having(["addEventListener", "throwIfAborted"], "must be an AbortSignal");
