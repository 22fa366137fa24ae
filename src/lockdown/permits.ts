import { isIP, type LookupFunction, type Socket } from "node:net";

/** A socket that may be connected: to these addresses, at this port. */
interface Permit {
  readonly socket: Socket;
  readonly port: unknown;
  readonly addresses: Set<unknown>;
}

// Taken at load: what is replaced later must not decide. For the same reason, lists are walked by index.
const { apply } = Reflect;
const { isArray } = Array;
const { add, delete: remove, has, forEach } = Set.prototype;

/**
 * The sockets that are being connected with leave. What JavaScript decides on a socket counts for the object below it, too:
 * whoever gets hold of such an object in another way has no permit for it.
 */
export class Permits {
  readonly #pending = new Set<Permit>();
  #tidyAt = 64;

  /** Lets a socket connect. What the look-up that is returned finds are the addresses it may connect to. */
  give(socket: Socket, host: unknown, port: unknown, lookup: LookupFunction): LookupFunction {
    this.#tidy();
    const addresses = new Set<unknown>();
    if (typeof host === "string" && isIP(host) !== 0) apply(add, addresses, [host]);
    apply(add, this.#pending, [{ socket, port: Number(port), addresses }]);
    return (hostname, options, callback) => {
      const found: LookupCallback = (error, result, family) => {
        const answered = addressesOf(result);
        for (let at = 0; at < answered.length; at++) apply(add, addresses, [answered[at]]);
        apply(callback as (...given: readonly unknown[]) => unknown, undefined, [error, result, family]);
      };
      apply(lookup as (...given: readonly unknown[]) => unknown, undefined, [hostname, options, found]);
    };
  }

  /** Whether the object below a socket may be connected: only while that socket has a permit, and is the one it belongs to. */
  allows(handle: object, address: unknown, port: unknown): boolean {
    let isAllowed = false;
    apply(forEach, this.#pending, [
      ({ socket, port: itsPort, addresses }: Permit): void => {
        const own = (socket as unknown as { readonly _handle?: { readonly _parent?: object } | null })._handle;
        if (own !== handle && own?._parent !== handle) return;
        if (port === itsPort && (apply(has, addresses, [address]) as boolean)) isAllowed = true;
      },
    ]);
    return isAllowed;
  }

  /** What is connected, or has failed, needs no permit any more. */
  #tidy(): void {
    if (this.#pending.size < this.#tidyAt) return;
    apply(forEach, this.#pending, [
      (permit: Permit): void => {
        if (!permit.socket.connecting) apply(remove, this.#pending, [permit]);
      },
    ]);
    this.#tidyAt = Math.max(64, 2 * this.#pending.size);
  }
}

type LookupCallback = (error: unknown, result?: unknown, family?: unknown) => void;

/** Of either form in which a look-up answers. */
export function addressesOf(result: unknown): readonly unknown[] {
  if (!isArray(result)) return [result];
  const addresses: unknown[] = [];
  for (let at = 0; at < result.length; at++) {
    const one = result[at] as { readonly address?: unknown } | string;
    addresses[at] = typeof one === "string" ? one : one?.address;
  }
  return addresses;
}
