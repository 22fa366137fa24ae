import asyncHooks from "node:async_hooks";
import diagnostics from "node:diagnostics_channel";
import inspector from "node:inspector";
import { lock, NO_LIST, refusal } from "./refuse.js";

const { apply } = Reflect;

/** Bindings by which JavaScript reaches sockets, names and processes below Node's own modules. */
const BINDINGS =
  /^(?:tcp|tls|udp|pipe|cares|process|stream|js_stream|http_parser|spawn|worker|inspector|internal_only)/;

/** Ways to a socket that is not one's own, or to what passes through it. */
export function lockSideDoors(): void {
  lockBindings();
  lockChannels();
  const refuse = (what: string) => (): never => {
    throw refusal(what, NO_LIST);
  };
  // Their resources, and the list of handles, are the sockets themselves.
  lock(asyncHooks, "createHook", refuse("async_hooks.createHook"));
  for (const name of ["_getActiveHandles", "_getActiveRequests"]) lock(process, name, refuse(`process.${name}`));
  // A debugger reads every variable.
  lock(inspector, "open", refuse("inspector.open"));
  for (const name of ["connect", "connectToMainThread"])
    lock(inspector.Session.prototype, name, refuse("inspector.Session"));
}

function lockBindings(): void {
  const holder = process as unknown as Record<string, unknown>;
  for (const name of ["binding", "_linkedBinding"]) {
    const original = holder[name];
    if (typeof original !== "function") continue;
    lock(process, name, (which: unknown): unknown => {
      if (name === "binding" && typeof which === "string" && !BINDINGS.test(which))
        return apply(original, process, [which]);
      throw refusal(`process.${name}(${String(which)})`, NO_LIST);
    });
  }
}

/** Channels on which Node and undici hand out sockets, connectors, requests and their header fields. */
const CHANNELS = /^(?:tracing:)?(?:undici|net|tls|http|http2)[:.]/;

function lockChannels(): void {
  const { test } = RegExp.prototype;
  const isWatched = (name: unknown): boolean => typeof name === "string" && (apply(test, CHANNELS, [name]) as boolean);
  // A channel that has subscribers is of another class than one that has none.
  const probe = diagnostics.channel("sallyport:lockdown");
  const prototypes = [Object.getPrototypeOf(probe) as object];
  const nothing = (): void => undefined;
  probe.subscribe(nothing);
  prototypes.push(Object.getPrototypeOf(probe) as object);
  probe.unsubscribe(nothing);
  for (const prototype of prototypes) {
    for (const name of ["subscribe", "bindStore"]) {
      const original: unknown = (prototype as Record<string, unknown>)[name];
      if (typeof original !== "function") continue;
      lock(prototype, name, function (this: { readonly name: unknown }, ...given: readonly unknown[]): unknown {
        if (isWatched(this.name)) throw refusal(`A subscription to the channel ${String(this.name)}`, NO_LIST);
        return apply(original, this, given);
      });
    }
  }
}
