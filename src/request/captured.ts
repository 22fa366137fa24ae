/**
 * Functions of the language as they were when this module was loaded. Code in the same process may replace methods of
 * `Map`, `Array`, `String` or `Promise` later, and is then handed whatever they are called with. Where a credential passes,
 * these are used instead.
 *
 * What goes with them: lists are walked by index, since `for…of`, spread and destructuring ask `Array.prototype` for an
 * iterator. What holds a secret keeps it in a private field or has no prototype, since an accessor on `Object.prototype` is
 * handed every object that is asked for a member it lacks, and a promise asks what it resolves to for `then`. And no
 * regular expression is applied to a secret, since `RegExp.input` remembers the last text.
 */

type Method = (this: never, ...given: never[]) => unknown;
type Uncurried<M extends Method> = (
  self: ThisParameterType<M>,
  ...given: Parameters<OmitThisParameter<M>>
) => ReturnType<M>;

const { apply } = Reflect;
const { bind, call } = Function.prototype;

/** A method as a function: `uncurry(set)(map, key, value)`. To be called while a module loads. */
const uncurry = <M extends Method>(method: M): Uncurried<M> => apply(bind, call, [method]) as Uncurried<M>;

type AnyMap = Map<unknown, unknown>;
const map = Map.prototype as AnyMap;

export const mapGet = uncurry(map.get) as <K, V>(self: ReadonlyMap<K, V>, key: K) => V | undefined;
export const mapSet = uncurry(map.set) as <K, V>(self: Map<K, V>, key: K, value: V) => void;
export const mapForEach = uncurry(map.forEach) as <K, V>(
  self: ReadonlyMap<K, V>,
  each: (value: V, key: K) => void,
) => void;
export const mapSize = uncurry(Reflect.getOwnPropertyDescriptor(map, "size")?.get as (this: AnyMap) => number) as (
  self: ReadonlyMap<unknown, unknown>,
) => number;
export const mapDelete = uncurry(map.delete) as <K>(self: Map<K, unknown>, key: K) => boolean;

type AnyWeakMap = WeakMap<object, unknown>;
const weakMap = WeakMap.prototype as AnyWeakMap;

export const weakGet = uncurry(weakMap.get) as <K extends object, V>(self: WeakMap<K, V>, key: K) => V | undefined;
export const weakSet = uncurry(weakMap.set) as <K extends object, V>(self: WeakMap<K, V>, key: K, value: V) => void;

const string = String.prototype;
export const startsWith: (text: string, start: string, at?: number) => boolean = uncurry(string.startsWith);
export const endsWith: (text: string, end: string) => boolean = uncurry(string.endsWith);
export const indexOf: (text: string, what: string, from?: number) => number = uncurry(string.indexOf);
export const slice: (text: string, from: number, to?: number) => string = uncurry(string.slice);
export const charCodeAt: (text: string, at: number) => number = uncurry(string.charCodeAt);
export const fromCharCode: typeof String.fromCharCode = String.fromCharCode;
export const toLowerCase: (text: string) => string = uncurry(string.toLowerCase);

/** Not for secrets: `RegExp.input` remembers the text. */
export const matches: (pattern: RegExp, text: string) => boolean = (pattern, text) => exec(pattern, text) !== null;
const exec = uncurry(RegExp.prototype.exec);

const { defineProperty } = Reflect;

export const freeze: typeof Object.freeze = Object.freeze;
const { assign, create } = Object;

/** Members put together without a prototype: what they lack is not asked of `Object.prototype`. */
export const bare = <T extends object>(...parts: readonly object[]): T =>
  apply(assign, null, joined([create(null)], parts)) as T;
export const isArray: typeof Array.isArray = Array.isArray;

/** Adds to a list what no setter on a prototype gets to see. */
export function append<T>(list: T[], value: T): void {
  const own = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
  defineProperty(list, list.length, own as PropertyDescriptor);
}

/** Lists one after the other, for what no iterator may see. */
export function joined<T>(...lists: readonly (readonly T[])[]): T[] {
  const all: T[] = [];
  for (let at = 0; at < lists.length; at++) {
    const list = lists[at] as readonly T[];
    for (let item = 0; item < list.length; item++) append(all, list[item] as T);
  }
  return all;
}
