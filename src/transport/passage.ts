import dns from "node:dns/promises";
import type { LookupFunction } from "node:net";

/**
 * How `sallyport/lockdown` knows the guard's own sockets. Three things must come together: a look-up function that was
 * marked by a part of the guard made before the first session; the very moment in which the guard opens a socket; and the
 * host and port it opens it to. Nothing here is reachable from an object that agent code is handed, and asking for a
 * passage later, by importing this file from where it lies, gets none.
 */
export interface Passage {
  /** Makes sockets that are opened with this look-up count as the guard's, while it opens one. */
  mark(lookup: LookupFunction): void;
  /** Opens one socket, to this place and no other, before it returns. */
  open(host: string, port: number, connect: () => void): void;
}

/** The system's resolver, taken at load: `sallyport/lockdown` loads this file, and then replaces what is public. */
export const systemLookup: typeof dns.lookup = dns.lookup;

// Taken at load: a `has` that is replaced later would let every socket pass.
const { apply } = Reflect;
const { add, has } = WeakSet.prototype;
const ours = new WeakSet<LookupFunction>();
let isSealed = false;
let opening: { readonly host: string; readonly port: number } | null = null;

/** A passage, or one that marks nothing once the first session is open. */
export const requestPassage = (): Passage => (isSealed ? CLOSED : OPEN);

/** From now on, no passage is given to anybody. */
export function sealPassages(): void {
  isSealed = true;
}

/** Whether a socket that is being opened now is the guard's. Asked once for each: the second to ask is somebody else. */
export function isPassage(lookup: unknown, host: unknown, port: unknown): boolean {
  if (opening === null || opening.host !== host || opening.port !== +(port as string)) return false;
  if (!(apply(has, ours, [lookup]) as boolean)) return false;
  opening = null;
  return true;
}

const OPEN: Passage = Object.freeze({
  mark: (lookup: LookupFunction) => void apply(add, ours, [lookup]),
  open(host: string, port: number, connect: () => void) {
    opening = { host, port };
    try {
      connect();
    } finally {
      opening = null;
    }
  },
});
const CLOSED: Passage = Object.freeze({
  mark: () => undefined,
  open: (_host: string, _port: number, connect: () => void) => connect(),
});
