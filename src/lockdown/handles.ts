import childProcess from "node:child_process";
import dgram from "node:dgram";
import { TLSSocket } from "node:tls";
import { lock, refusing } from "./refuse.js";

/** Node's own objects below its modules. What is done on them is done; everything else is JavaScript that leads here. */
export interface NativePrototypes {
  readonly tcp: object;
  readonly pipe: object;
  readonly udp: object;
  readonly process: object;
}

/** Takes the prototypes from objects that are connected to nothing. */
export function nativePrototypes(): NativePrototypes {
  return {
    tcp: prototypeOf(handleBelowTls({})),
    pipe: prototypeOf(handleBelowTls({ pipe: true })),
    udp: prototypeOf(handleOfDatagrams()),
    process: prototypeOf((new childProcess.ChildProcess() as unknown as { readonly _handle: object })._handle),
  };
}

/**
 * Takes a class out of the reach of whoever holds one of its objects: a listening server, a socket of one's own. With the
 * class, code could make objects that no module of Node's knows of.
 */
export function hideClass(prototype: object, name: string): void {
  lock(prototype, "constructor", refusing(`Making a ${name} of one's own`));
}

const prototypeOf = (handle: object): object => Reflect.getPrototypeOf(handle) as object;

function handleBelowTls(options: object): object {
  const socket = new TLSSocket(undefined as never, options);
  const { _handle: handle } = socket as unknown as { readonly _handle?: { readonly _parent?: object } };
  socket.destroy();
  if (handle?._parent === undefined) throw new TypeError("this version of Node has no handles of sockets");
  return handle._parent;
}

function handleOfDatagrams(): object {
  const socket = dgram.createSocket("udp4") as unknown as Record<symbol, { readonly handle?: object } | undefined>;
  const handles = Object.getOwnPropertySymbols(socket).map((key) => socket[key]?.handle);
  (socket as unknown as dgram.Socket).close();
  const handle = handles.find((one) => one !== undefined && one !== null);
  if (handle === undefined) throw new TypeError("this version of Node has no handles of datagrams");
  return handle;
}
