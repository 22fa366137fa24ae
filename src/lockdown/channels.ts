import diagnostics, { type Channel } from "node:diagnostics_channel";
import { builtinModules } from "node:module";
import { like, lock, NO_LIST, refusal } from "./refuse.js";

const { apply, construct, getPrototypeOf } = Reflect;
const { exec } = RegExp.prototype;
const { has } = Set.prototype;

/** Who publishes sockets, connectors, requests and their header fields: Node's own modules, also those to come, and undici. */
const PUBLISHERS: ReadonlySet<string> = new Set([...builtinModules, "undici", "udp", "quic"]);
/** Of Node's own, those that own no handle; programs use such words for channels of their own. */
const HARMLESS: ReadonlySet<string> = new Set(
  `assert buffer console constants domain events module os path perf_hooks process punycode querystring readline repl
  string_decoder sys test timers url util`.split(/\s+/),
);
const FIRST_WORD = /^(?:tracing:)?(?:node:)?([^.:]+)/;

const isHeld = (name: unknown): boolean => {
  if (typeof name !== "string") return false;
  const publisher = (apply(exec, FIRST_WORD, [name]) as RegExpExecArray | null)?.[1];
  return (apply(has, PUBLISHERS, [publisher]) as boolean) && !(apply(has, HARMLESS, [publisher]) as boolean);
};

const refuse = (name: unknown): never => {
  throw refusal(`A subscription to the channel ${String(name)}`, NO_LIST);
};

/**
 * A channel of Node's or undici's is not handed out: who asks for one gets an object of the same name that publishes to
 * nobody and cannot be changed. A channel is an ordinary object, so that who had the real one could make it active by its
 * prototype, or rename it, and subscribe. Who subscribed before this was loaded goes on being told.
 */
export function lockChannels(): void {
  const original = { channel: diagnostics.channel, tracingChannel: diagnostics.tracingChannel };
  const { hasSubscribers } = diagnostics;
  const { inactive, active } = prototypes();
  const mute = new Map<unknown, Channel>();
  const { get, set } = Map.prototype;

  const muteChannel = (name: string): Channel => {
    const known = apply(get, mute, [name]) as Channel | undefined;
    if (known !== undefined) return known;
    const made = Object.create(inactive) as Channel;
    Object.defineProperties(made, {
      name: { value: name, enumerable: true },
      _subscribers: { value: undefined },
      _stores: { value: undefined },
      _index: { value: undefined },
    });
    apply(set, mute, [name, Object.freeze(made)]);
    return made;
  };
  /** One that had subscribers before: they keep it, and nobody can add to them. */
  const sealed = (name: string): Channel => {
    const channel = original.channel(name);
    Object.freeze((channel as unknown as { readonly _subscribers?: object })._subscribers);
    return Object.freeze(channel);
  };
  const isTracing = (name: unknown): boolean =>
    typeof name === "string" && (apply(exec, /^tracing:/, [name]) as object) !== null;
  const channelOf = (name: string | symbol): Channel => {
    if (typeof name !== "string" || !isHeld(name)) return original.channel(name);
    return hasSubscribers(name) && !isTracing(name) ? sealed(name) : muteChannel(name);
  };

  lock(
    diagnostics,
    "channel",
    like(original.channel, (name) => channelOf(name as string | symbol)),
  );
  lock(
    diagnostics,
    "tracingChannel",
    like(original.tracingChannel, (given) =>
      isHeld(given) ? refuse(given) : original.tracingChannel(given as string),
    ),
  );
  const Channel = new Proxy(diagnostics.Channel, {
    construct(target, given: unknown[], newTarget) {
      // Its constructor puts it in the place of the one of that name.
      if (typeof given[0] !== "symbol" && (typeof given[0] !== "string" || isHeld(given[0]))) refuse(given[0]);
      return construct(target, [given[0]], newTarget) as object;
    },
  });
  lock(diagnostics, "Channel", Channel);
  for (const prototype of [inactive, active]) {
    lock(prototype, "constructor", Channel);
    for (const name of ["subscribe", "bindStore"]) holdMethod(prototype, name);
  }
}

function holdMethod(prototype: object, name: string): void {
  const original: unknown = (prototype as Record<string, unknown>)[name];
  if (typeof original !== "function") return;
  lock(prototype, name, function (this: { readonly name: unknown }, ...given: readonly unknown[]): unknown {
    const { name } = this;
    if (isHeld(name)) refuse(name);
    return apply(original, this, given);
  });
}

/** A channel that has subscribers is of another class than one that has none. */
function prototypes(): { readonly inactive: object; readonly active: object } {
  const probe = diagnostics.channel("sallyport:lockdown");
  const inactive = getPrototypeOf(probe) as object;
  const nothing = (): void => undefined;
  probe.subscribe(nothing);
  const active = getPrototypeOf(probe) as object;
  probe.unsubscribe(nothing);
  return { inactive, active };
}
