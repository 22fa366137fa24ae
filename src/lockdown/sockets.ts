import dgram from "node:dgram";
import dns from "node:dns";
import net from "node:net";
import tls from "node:tls";
import { isPassage } from "../transport/passage.js";
import { type AllowList, isAllowed, isListed } from "./allow.js";
import { fixFor, lock, refusal } from "./refuse.js";

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
const systemLookup = dns.lookup;

/**
 * Every TCP, TLS and Unix connection of Node's JavaScript begins with `net.Socket.prototype.connect`: that of `http`,
 * `https`, `http2`, the built-in fetch and WebSocket, undici's own dispatchers and every driver. Here it is refused unless
 * the guard opens it, or the list names it.
 */
export function lockSockets({ tcp, paths }: AllowList): void {
  function connectIfAllowed(this: net.Socket, ...given: readonly unknown[]): unknown {
    // `net.connect` hands on an array that is normalised already.
    const [asked, onConnect] = Array.isArray(given[0]) ? (given[0] as [Target, unknown]) : normalize(given);
    if (isPassage(asked.lookup, asked.host, asked.port)) return apply(connect, this, [asked, onConnect]);
    // Each property is read once, so that a getter cannot name one place here and another to the socket.
    const target: Target = { ...asked };
    const port = typeof target.port === "string" ? Number(target.port) : target.port;
    const host = target.host ?? "localhost";
    const isOnList = target.path ? isListed(paths, target.path) : isAllowed(tcp, host, port);
    if (!isOnList) {
      const entry = target.path ? `unix:${String(target.path)}` : `${String(host)}:${String(port)}`;
      throw refusal(`A connection to ${entry}`, fixFor(entry));
    }
    // Its own look-up could answer with any address for a name that is on the list.
    return apply(connect, this, [{ ...target, host, port, lookup: systemLookup }, onConnect]);
  }
  // On TLSSocket, too: a property that is put there would hide the other.
  for (const prototype of [net.Socket.prototype, tls.TLSSocket.prototype]) lock(prototype, "connect", connectIfAllowed);
  // What the guard's own connections pass through must stay Node's.
  for (const name of ["connect", "createConnection"] as const) lock(net, name, net[name]);
  lock(tls, "connect", tls.connect);
}

/** Datagrams: a socket that is on no list cannot send, and where the list has none there is no socket. */
export function lockDatagrams({ udp }: AllowList): void {
  const refuse = (entry: string): never => {
    throw refusal(`A datagram to ${entry}`, fixFor(entry));
  };
  if (udp.length === 0) {
    const none = function createSocket(): never {
      return refuse("udp:host:port");
    };
    lock(dgram, "createSocket", none);
    lock(dgram, "Socket", none);
    return;
  }
  const { send, connect: connectDatagram } = dgram.Socket.prototype;
  lock(dgram.Socket.prototype, "connect", function (this: dgram.Socket, ...given: readonly unknown[]) {
    const [port, address] = given;
    const host = typeof address === "string" ? address : "127.0.0.1";
    if (!isAllowed(udp, host, port)) refuse(`udp:${host}:${String(port)}`);
    return apply(connectDatagram, this, given);
  });
  lock(dgram.Socket.prototype, "send", function (this: dgram.Socket, ...given: readonly unknown[]) {
    const [port, host] = datagramTarget(given);
    const isConnected = port === undefined; // to a place that was on the list
    if (!isConnected && !isAllowed(udp, host, port)) refuse(`udp:${String(host)}:${String(port)}`);
    return apply(send, this, given);
  });
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
