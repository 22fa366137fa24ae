import dns from "node:dns";
import net, { type LookupFunction } from "node:net";
import tls from "node:tls";
import { isPassage } from "../transport/passage.js";
import { type AllowList, isAllowed, isListed } from "./allow.js";
import type { Descriptors } from "./descriptors.js";
import { hideClass, type NativePrototypes } from "./handles.js";
import { Permits } from "./permits.js";
import { fixFor, lock, NO_LIST, refusal } from "./refuse.js";

/** What `connect` is about to do, in Node's own words. */
interface Target {
  host?: unknown;
  port?: unknown;
  path?: unknown;
  lookup?: unknown;
}

// Taken at load, all of it: what is replaced later must not decide.
const { apply } = Reflect;
const { connect } = net.Socket.prototype;
const normalize = (net as unknown as { _normalizeArgs(args: readonly unknown[]): [Target, unknown] })._normalizeArgs;
const systemLookup = dns.lookup as LookupFunction;

/**
 * Every TCP, TLS and Unix connection of Node's JavaScript begins with `net.Socket.prototype.connect`: that of `http`,
 * `https`, `http2`, the built-in fetch and WebSocket, undici's own dispatchers and every driver. Here it is refused unless
 * the guard opens it, or the list names it. Below it, where Node connects, only what was let through here is connected.
 */
export function lockSockets({ tcp, paths }: AllowList, natives: NativePrototypes, descriptors: Descriptors): void {
  const permits = new Permits();
  function connectIfAllowed(this: net.Socket, ...given: readonly unknown[]): unknown {
    // `net.connect` hands on an array that is normalised already.
    const [asked, onConnect] = Array.isArray(given[0]) ? (given[0] as [Target, unknown]) : normalize(given);
    const isOurs = isPassage(asked.lookup, asked.host, asked.port);
    // Each property is read once, so that a getter cannot name one place here and another to the socket.
    const target: Target = { ...asked };
    const port = typeof target.port === "string" ? Number(target.port) : target.port;
    const host = target.host ?? "localhost";
    const isOnList = target.path ? isListed(paths, target.path) : isAllowed(tcp, host, port);
    if (!isOurs && !isOnList) {
      const entry = target.path ? `unix:${String(target.path)}` : `${String(host)}:${String(port)}`;
      throw refusal(`A connection to ${entry}`, fixFor(entry));
    }
    // A look-up of code's own could answer with any address for a name that is on the list.
    const lookup = permits.give(this, host, port, isOurs ? (target.lookup as LookupFunction) : systemLookup);
    return apply(connect, this, [{ ...target, host, port, lookup }, onConnect]);
  }
  // On TLSSocket, too: a property that is put there would hide the other.
  for (const prototype of [net.Socket.prototype, tls.TLSSocket.prototype]) lock(prototype, "connect", connectIfAllowed);
  // What the guard's own connections pass through must stay Node's.
  for (const name of ["connect", "createConnection"] as const) lock(net, name, net[name]);
  for (const name of ["connect", "checkServerIdentity", "createSecureContext"] as const) lock(tls, name, tls[name]);
  lockTcp(natives.tcp, permits);
  lockPipes(natives.pipe, paths);
  for (const [prototype, name] of [
    [natives.tcp, "TCP"],
    [natives.pipe, "pipe"],
  ] as const) {
    hideClass(prototype, name);
    descriptors.holdOpen(prototype);
  }
}

type Native = (...given: readonly unknown[]) => unknown;

function lockTcp(prototype: object, permits: Permits): void {
  const natives = prototype as Readonly<Record<string, Native>>;
  for (const name of ["connect", "connect6"]) {
    const original = natives[name] as Native;
    lock(prototype, name, function (this: object, ...given: readonly unknown[]): unknown {
      const [, address, port] = given;
      if (!permits.allows(this, address, port))
        throw refusal(`A connection to ${String(address)}:${String(port)} below Node's modules`, NO_LIST);
      return apply(original, this, given);
    });
  }
}

function lockPipes(prototype: object, paths: readonly string[]): void {
  const { connect: original } = prototype as Readonly<Record<"connect", Native>>;
  lock(prototype, "connect", function (this: object, ...given: readonly unknown[]): unknown {
    if (!isListed(paths, given[1])) throw refusal(`A connection to unix:${String(given[1])}`, NO_LIST);
    return apply(original, this, given);
  });
}
