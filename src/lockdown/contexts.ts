import { AsyncLocalStorage } from "node:async_hooks";
import { types } from "node:util";
import { lock, NO_LIST, refusal } from "./refuse.js";

const { apply, getOwnPropertyDescriptor } = Reflect;
const { isProxy } = types;
const { defineProperty } = Object;
const description = getOwnPropertyDescriptor(Symbol.prototype, "description")?.get as (this: symbol) => string;

/**
 * Up to Node 22 a store for asynchronous contexts is asked, as an object, to hand its value on to each resource that is
 * made: the sockets of the guard among them. What it is asked is made fast before it is asked for the first time.
 */
export function lockContexts(): void {
  const prototype = AsyncLocalStorage.prototype as unknown as Record<"_enable" | "_propagate", unknown>;
  const { _enable: enable, _propagate: propagate } = prototype;
  if (typeof enable !== "function" || typeof propagate !== "function") return; // Node 24 asks nobody
  lock(prototype, "_propagate", propagate);
  lock(prototype, "_enable", function (this: object): unknown {
    const key = isProxy(this) ? undefined : (getOwnPropertyDescriptor(this, "kResourceStore")?.value as unknown);
    if (typeof key !== "symbol" || apply(description, key, []) !== "kResourceStore")
      throw refusal("A store for contexts that is none of Node's", NO_LIST);
    for (const [name, value] of [
      ["kResourceStore", key],
      ["_propagate", propagate],
    ] as const)
      defineProperty(this, name, { value, writable: false, configurable: false, enumerable: false });
    return apply(enable, this, []);
  });
}
