/**
 * Replaces functions and accessors by ones that look for a secret in everything that passes. What it needs itself is taken
 * before anything is replaced.
 */
import { types } from "node:util";

const { apply, construct, ownKeys, getOwnPropertyDescriptor, defineProperty, deleteProperty } = Reflect;
const { includes } = String.prototype;
const { indexOf, push } = Array.prototype;
const { entries } = Map.prototype;
const { values } = Set.prototype;
const nextEntry = new Map().entries().next;
const nextValue = new Set().values().next;
const { add, has } = WeakSet.prototype;
const Seen = WeakSet;
const { isMap, isPromise, isProxy, isSet, isUint8Array } = types;
const { latin1Slice } = Buffer.prototype as unknown as { latin1Slice(): string };

/** What can be replaced. */
export interface Target {
  readonly name: string;
  readonly holder: object;
  readonly key: PropertyKey;
}

const label = (key: PropertyKey): string => (typeof key === "symbol" ? `[${key.description}]` : `.${String(key)}`);

/** Everything of an object that can be replaced. */
export const targetsOf = (name: string, holder: object): readonly Target[] =>
  Reflect.ownKeys(holder)
    .filter((key) => key !== "prototype" && getOwnPropertyDescriptor(holder, key)?.configurable === true)
    .map((key) => ({ name: name + label(key), holder, key }));

export interface Spy {
  /** Where the secret was seen, each place once. */
  sightings: string[];
  /** Not while it is put in place. */
  isOn: boolean;
  look(passed: readonly unknown[], where: string): void;
}

const ASKED = ["reveal", "secrets", "known", "headersFor", "queryFor", "addedFor"];
const request = { __proto__: null, method: "GET", url: `${process.env["API"]}/` };

/** Walks whatever passes, and asks what has a secret for it, as code that knows this library would. */
export function createSpy(forms: readonly string[]): Spy {
  let isLooking = false;
  let budget = 0;
  let seen = new Seen<object>();

  const isSecret = (text: string): boolean => {
    for (let at = 0; at < forms.length; at++) if (apply(includes, text, [forms[at]])) return true;
    return false;
  };
  const givesAway = (value: Record<string, unknown>, depth: number): boolean => {
    for (let at = 0; at < ASKED.length; at++) {
      try {
        const method = value[ASKED[at] as string];
        if (typeof method === "function" && finds(apply(method, value, [request]), depth + 1)) return true;
      } catch {
        // It keeps it to itself.
      }
    }
    return false;
  };
  const finds = (value: unknown, depth: number): boolean => {
    if (typeof value === "string") return isSecret(value);
    if ((typeof value !== "object" && typeof value !== "function") || value === null) return false;
    if (depth > 6 || budget-- <= 0 || apply(has, seen, [value]) || isProxy(value) || isPromise(value)) return false;
    apply(add, seen, [value]);
    if (isUint8Array(value)) return value.byteLength <= 65_536 && isSecret(apply(latin1Slice, value, []));
    if (isMap(value)) {
      const all = apply(entries, value, []);
      for (let step = apply(nextEntry, all, []); step.done !== true; step = apply(nextEntry, all, []))
        if (finds(step.value[0], depth + 1) || finds(step.value[1], depth + 1)) return true;
    }
    if (isSet(value)) {
      const all = apply(values, value, []);
      for (let step = apply(nextValue, all, []); step.done !== true; step = apply(nextValue, all, []))
        if (finds(step.value, depth + 1)) return true;
    }
    if (givesAway(value as Record<string, unknown>, depth)) return true;
    const keys = ownKeys(value);
    for (let at = 0; at < keys.length && at < 60; at++) {
      const own = getOwnPropertyDescriptor(value, keys[at] as PropertyKey);
      if (own !== undefined && "value" in own && finds(own.value, depth + 1)) return true;
    }
    return false;
  };

  const spy: Spy = {
    sightings: [],
    isOn: false,
    look(passed, where) {
      if (isLooking || !spy.isOn) return;
      isLooking = true;
      budget = 200;
      seen = new Seen();
      try {
        for (let at = 0; at < passed.length; at++) {
          if (!finds(passed[at], 0)) continue;
          if (apply(indexOf, spy.sightings, [where]) === -1) apply(push, spy.sightings, [where]);
          break;
        }
      } catch {
        // What cannot be looked into shows nothing, and must not break what it is used for.
      } finally {
        isLooking = false;
      }
    },
  };
  return spy;
}

type AnyFunction = (...given: unknown[]) => unknown;

/** Listens to one function or accessor; returns how to undo it. */
export function wiretap(spy: Spy, { name, holder, key }: Target): () => void {
  const original = getOwnPropertyDescriptor(holder, key);
  if (original === undefined) return () => undefined;
  const isPromises = name.startsWith("Promise.prototype.");
  const tapped = (real: AnyFunction): AnyFunction =>
    new Proxy(real, {
      apply(target, self, given: unknown[]) {
        spy.look([self, given], name);
        // What a promise gives to its callbacks can be seen by whoever replaces `then`.
        if (isPromises)
          for (let at = 0; at < given.length; at++)
            if (typeof given[at] === "function") given[at] = listening(given[at] as AnyFunction);
        const result = apply(target, self, given) as unknown;
        spy.look([result], name);
        return result;
      },
      construct(target, given, newTarget) {
        spy.look([given], name);
        const result = construct(target, given, newTarget) as object;
        spy.look([result], name);
        return result;
      },
    });
  const listening = (callback: AnyFunction): AnyFunction =>
    new Proxy(callback, {
      apply(target, self, given: unknown[]) {
        spy.look(given, name);
        return apply(target, self, given) as unknown;
      },
    });
  const change: PropertyDescriptor = {};
  if (typeof original.value === "function") change.value = tapped(original.value as AnyFunction);
  if (original.get !== undefined) change.get = tapped(original.get) as () => unknown;
  if (original.set !== undefined) change.set = tapped(original.set) as (value: unknown) => void;
  replace(holder, key, { ...original, ...change });
  return () => replace(holder, key, original);
}

/** Without a prototype: descriptors are asked for members that a trap may have put on Object.prototype. */
function replace(holder: object, key: PropertyKey, descriptor: PropertyDescriptor): void {
  defineProperty(holder, key, { __proto__: null, ...descriptor } as PropertyDescriptor);
}

/** Puts an accessor on a prototype, where objects that lack this member are asked for it; returns how to undo it. */
export function trap(spy: Spy, holder: object, key: PropertyKey, name: string): () => void {
  if (getOwnPropertyDescriptor(holder, key) !== undefined) return () => undefined;
  replace(holder, key, {
    configurable: true,
    get() {
      spy.look([this], name);
      return undefined;
    },
    set(value: unknown) {
      spy.look([this, value], name);
      replace(this as object, key, { value, writable: true, configurable: true, enumerable: true });
    },
  });
  return () => void deleteProperty(holder, key);
}
