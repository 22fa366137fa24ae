/**
 * Platform objects, read through what the platform itself put there when this module was loaded: a subclass, an own property
 * or a later patch of a prototype cannot answer in its place.
 */

/** Reads an accessor of a prototype on any object that has it built in; throws a TypeError for others. */
export function accessor(prototype: object, name: string): (target: object) => unknown {
  const get = Object.getOwnPropertyDescriptor(prototype, name)?.get;
  if (get === undefined) throw new TypeError(`this platform has no ${name}`);
  return (target) => Reflect.apply(get, target, []);
}

/** Calls a method of a prototype, without arguments, on an object that has it built in. */
export const method =
  <Result>(prototypeMethod: (this: never) => Result): ((target: object) => Result) =>
  (target) =>
    Reflect.apply(prototypeMethod, target, []) as Result;

/** What an object calls itself, read once: npm's undici and polyfills have classes of their own. It proves nothing. */
export const tagOf = (value: unknown): unknown =>
  typeof value === "object" && value !== null
    ? (value as { readonly [Symbol.toStringTag]?: unknown })[Symbol.toStringTag]
    : undefined;

/** Whether an object calls itself so. */
export const isOfType = (value: unknown, tag: string): value is object => tagOf(value) === tag;
