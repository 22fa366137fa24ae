import dgram from "node:dgram";
import { type AllowList, isAllowed } from "./allow.js";
import type { Descriptors } from "./descriptors.js";
import { hideClass, type NativePrototypes } from "./handles.js";
import type { KnownNames } from "./names.js";
import { fixFor, lock, refusal } from "./refuse.js";

const { apply } = Reflect;

const refuse = (entry: string): never => {
  throw refusal(`A datagram to ${entry}`, fixFor(entry));
};

/** Datagrams: a socket that is on no list cannot send, and where the list has none there is no socket. */
export function lockDatagrams(
  { udp }: AllowList,
  natives: NativePrototypes,
  descriptors: Descriptors,
  names: KnownNames,
): void {
  hideClass(natives.udp, "UDP");
  descriptors.holdOpen(natives.udp);
  lockNative(natives.udp, (address, port) => isAllowed(udp, address, port) || names.allows(udp, address, port));
  if (udp.length === 0) {
    const none = function createSocket(): never {
      return refuse("udp:host:port");
    };
    lock(dgram, "createSocket", none);
    lock(dgram, "Socket", none);
    return;
  }
  const { send, connect } = dgram.Socket.prototype;
  lock(dgram.Socket.prototype, "connect", function (this: dgram.Socket, ...given: readonly unknown[]) {
    const [port, address] = given;
    const host = typeof address === "string" ? address : "127.0.0.1";
    if (!isAllowed(udp, host, port)) refuse(`udp:${host}:${String(port)}`);
    return apply(connect, this, given);
  });
  lock(dgram.Socket.prototype, "send", function (this: dgram.Socket, ...given: readonly unknown[]) {
    const [port, host] = datagramTarget(given);
    const isConnected = port === undefined; // to a place that was on the list
    if (!isConnected && !isAllowed(udp, host, port)) refuse(`udp:${String(host)}:${String(port)}`);
    return apply(send, this, given);
  });
}

type Native = (...given: readonly unknown[]) => unknown;

/** Below Node's modules, where a datagram leaves: whatever led here, it leaves for an address of the list. */
function lockNative(prototype: object, isListed: (address: unknown, port: unknown) => boolean): void {
  const natives = prototype as Readonly<Record<string, Native>>;
  for (const name of ["connect", "connect6"]) {
    const original = natives[name] as Native;
    lock(prototype, name, function (this: object, ...given: readonly unknown[]): unknown {
      const [address, port] = given;
      if (!isListed(address, port)) refuse(`udp:${String(address)}:${String(port)}`);
      return apply(original, this, given);
    });
  }
  for (const name of ["send", "send6"]) {
    const original = natives[name] as Native;
    lock(prototype, name, function (this: object, ...given: readonly unknown[]): unknown {
      // With four arguments, it is for the place that the socket is connected to.
      const [, , , port, address] = given;
      if (given.length !== 4 && !isListed(address, port)) refuse(`udp:${String(address)}:${String(port)}`);
      return apply(original, this, given);
    });
  }
}

/** `send(message[, offset, length][, port][, address][, callback])`: the first number that is not a part of the message. */
function datagramTarget(given: readonly unknown[]): readonly [unknown, unknown] {
  const [, second, third, port, address] = given;
  if (typeof second === "number" && typeof third === "number") {
    return typeof port === "number"
      ? [port, typeof address === "string" ? address : "127.0.0.1"]
      : [undefined, undefined];
  }
  return typeof second === "number"
    ? [second, typeof third === "string" ? third : "127.0.0.1"]
    : [undefined, undefined];
}
