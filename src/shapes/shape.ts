import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";

/**
 * How a value that somebody configures must look. One kind of check for every entry point: wrong values of any type become
 * problems with their place, all of them at once, and what is used afterwards is what was read, once.
 */
export interface Shape<Value> {
  /** Reads the value, and reports what is wrong with it. Undefined where nothing of it can be used. */
  read(given: unknown, place: Place): Value | undefined;
  /** What to say where it is left out; undefined where that is fine. */
  readonly missing?: string;
  /** What a wrong value becomes, where a look at several members must tell it from one that is not there. */
  readonly unusable?: Value;
}

/** Where a value stands among the options, as they were written. */
export interface Place {
  /** JSON Pointer (RFC 6901). */
  readonly pointer: string;
  /** Notes a problem here. */
  report(message: string): void;
  /** How many problems there are by now, anywhere. */
  count(): number;
  /** The place of a member, or of an entry of a list. */
  at(name: string | number): Place;
  /** The place of a pointer that begins here. */
  below(pointer: string): Place;
}

/** The root of the options, whose problems go to `problems`. */
function rootPlace(problems: ConfigurationProblem[], pointer = ""): Place {
  return {
    pointer,
    report: (message) => void problems.push({ pointer, message }),
    count: () => problems.length,
    below: (further) => rootPlace(problems, pointer + further),
    at: (name) => rootPlace(problems, `${pointer}/${String(name).replaceAll("~", "~0").replaceAll("/", "~1")}`),
  };
}

/**
 * Reads options of an entry point once.
 *
 * @throws OptionsError with every problem, each with its place from the root of the options.
 */
export function readOptions<Value>(given: unknown, shape: Shape<Value>): Value {
  const problems: ConfigurationProblem[] = [];
  // Nothing at all is wrong here as it is anywhere else; what may be left out has a default where it is declared.
  const value = readAt(given, needed(shape, shape.missing ?? "must be an object"), rootPlace(problems));
  if (problems.length > 0) throw new OptionsError(problems);
  return value as Value;
}

/** Reads a value that may be left out. A value that cannot even be looked at (a revoked proxy) is wrong as well. */
export function readAt<Value>(given: unknown, shape: Shape<Value>, place: Place): Value | undefined {
  if (given === undefined) {
    if (shape.missing !== undefined) place.report(shape.missing);
    return undefined;
  }
  try {
    return shape.read(given, place) ?? shape.unusable;
  } catch {
    place.report("cannot be read");
    return shape.unusable;
  }
}

/** The same; a wrong value is there all the same, so that nobody misses it as well. It is never used: there is a problem. */
export const present = <Value>(shape: Shape<Value>): Shape<Value> => ({ ...shape, unusable: UNUSABLE as Value });
const UNUSABLE: unknown = Object.freeze({});

/** The same, where leaving it out is a problem. */
export const needed = <Value>(shape: Shape<Value>, missing = "is needed"): Shape<Value> => ({ ...shape, missing });

/** The same, with a further look at what was read, where nothing in it was wrong. */
export const also = <Value>(shape: Shape<Value>, look: (value: Value, place: Place) => void): Shape<Value> => ({
  ...shape,
  read(given, place) {
    const before = place.count();
    const value = shape.read(given, place);
    if (value !== undefined && place.count() === before) look(value, place);
    return value;
  },
});

/**
 * The same, with a look at several members together, also where others are wrong: those are not there then.
 */
export const across = <Value>(
  shape: Shape<Value>,
  look: (value: Partial<Value>, place: Place) => void,
): Shape<Value> => ({
  ...shape,
  read(given, place) {
    const value = shape.read(given, place);
    if (value !== undefined) look(value, place);
    return value;
  },
});

/**
 * For an argument that is no option: a function.
 *
 * @throws TypeError
 */
export function requireFunction(given: unknown, name: string): void {
  if (typeof given !== "function") throw new TypeError(`"${name}" must be a function`);
}

/**
 * For an argument that is no option: something that has these verbs.
 *
 * @throws TypeError
 */
export function requireVerbs(given: unknown, verbs: readonly string[], name: string): void {
  const members = (typeof given === "object" || typeof given === "function") && given !== null ? given : {};
  const missing = verbs.filter((verb) => typeof (members as Record<string, unknown>)[verb] !== "function");
  if (missing.length > 0) throw new TypeError(`"${name}" must have the functions ${missing.join(", ")}`);
}

/**
 * For an argument that is no option: a text that is not empty.
 *
 * @throws TypeError
 */
export function requireText(given: unknown, name: string): void {
  if (typeof given !== "string" || given === "") throw new TypeError(`"${name}" must be a text that is not empty`);
}
