import type { Shape } from "./shape.js";
import { suggestion } from "./suggest.js";

/** What an objection is: why a value will not do, or undefined where it does. */
export type Objection<Value> = (value: Value) => string | undefined;

const of = <Value>(is: (given: unknown) => given is Value, message: string): Shape<Value> => ({
  read(given, place) {
    if (is(given)) return given;
    place.report(message);
    return undefined;
  },
});

/** Any value of one type, with a message for all others. */
export const typed = <Value>(is: (given: unknown) => given is Value, message: string): Shape<Value> => of(is, message);

/** `true` or `false`. */
export const flag: Shape<boolean> = of(
  (given): given is boolean => typeof given === "boolean",
  "must be true or false",
);

/** A function. */
export const callable = <Call>(what = "must be a function"): Shape<Call> =>
  of((given): given is Call & {} => typeof given === "function", what);

/** A text that is not empty; or what `object` says it must be. */
export const text = (message = "must be a text that is not empty", objection?: Objection<string>): Shape<string> => ({
  read(given, place) {
    if (typeof given !== "string" || given === "") {
      place.report(message);
      return undefined;
    }
    const problem = objection?.(given);
    if (problem === undefined) return given;
    place.report(problem);
    return undefined;
  },
});

/** Any text, an empty one too. */
export const anyText = (message = "must be a text"): Shape<string> =>
  of((given): given is string => typeof given === "string", message);

/** One of a few words. */
export const oneOf = <const Word extends string>(...words: readonly Word[]): Shape<Word> => ({
  read(given, place) {
    if (words.includes(given as Word)) return given as Word;
    const quoted = words.map((word) => `"${word}"`);
    const list = quoted.length > 1 ? `${quoted.slice(0, -1).join(", ")} or ${quoted.at(-1)}` : quoted.join("");
    place.report(`must be ${list}${suggestion(given, words)}`);
    return undefined;
  },
});

/** A whole number; `unit` in the plural. */
export const whole = (least: number, most: number = Number.MAX_SAFE_INTEGER, unit = ""): Shape<number> => {
  const range = most === Number.MAX_SAFE_INTEGER ? `of at least ${least}` : `from ${least} to ${most}`;
  return of(
    (given): given is number => Number.isSafeInteger(given) && (given as number) >= least && (given as number) <= most,
    `must be a whole number ${unit === "" ? "" : `of ${unit} `}${range}`,
  );
};

/** Any number in a range. */
export const number = (least: number, most: number, message: string): Shape<number> =>
  of((given): given is number => typeof given === "number" && given >= least && given <= most, message);

/** Bytes, or the text that stands for them in UTF-8. Bytes are copied: nobody can change them afterwards. */
export const secretBytes = (least: number): Shape<string | Uint8Array> => ({
  read(given, place) {
    if (typeof given === "string" && new TextEncoder().encode(given).length >= least) return given;
    if (given instanceof Uint8Array && given.length >= least) return Uint8Array.from(given);
    place.report(`must be a text or bytes of ${least} bytes or more`);
    return undefined;
  },
});
