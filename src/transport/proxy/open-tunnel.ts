import type { Socket } from "node:net";
import { type AddressRule, parseHostLiteral } from "../../request/address.js";
import { checkedAddresses, type Resolver } from "../pinned-lookup.js";
import type { HttpProxy } from "./proxy-options.js";
import { askForTunnel, authorityOf, mayTryAnother, TunnelFault } from "./tunnel.js";

/** What tunnels are made of. */
export interface TunnelParts {
  readonly proxy: HttpProxy;
  readonly rule: AddressRule;
  readonly resolve: Resolver;
  /** For the resolver, and for each answer of the proxy. Milliseconds; 0 for none. */
  readonly timeoutMs: number;
  /** Connects to the proxy, TLS included where it speaks that. */
  dial(): Promise<Socket>;
}

export interface Tunnel {
  readonly socket: Socket;
  /** The address that was checked, and that the proxy was asked for; undefined where the proxy resolves. */
  readonly address: string | undefined;
}

/** Of one name; each costs a connection to the proxy. */
const MOST_ADDRESSES = 4;

/** Opens a tunnel to a host that may be tried. Rejects with an `AddressRefusal` before the proxy has heard of anything. */
export async function openTunnel(parts: TunnelParts, hostname: string, port: number): Promise<Tunnel> {
  const { proxy, timeoutMs } = parts;
  const places = await inTime(timeoutMs, placesOf(parts, hostname));
  let fault: unknown;
  for (const { host, address } of places) {
    const socket = await parts.dial();
    try {
      const asking = askForTunnel(socket, proxy, authorityOf(host, port));
      await inTime(timeoutMs, asking, (fault) => socket.destroy(fault));
      return { socket, address };
    } catch (error) {
      socket.destroy();
      if (!mayTryAnother(error)) throw error;
      fault = error;
    }
  }
  throw fault;
}

/** What to ask the proxy for: checked addresses, or the name, where the operator leaves that to the proxy. */
async function placesOf(
  { proxy, rule, resolve }: TunnelParts,
  hostname: string,
): Promise<readonly { readonly host: string; readonly address: string | undefined }[]> {
  if (parseHostLiteral(hostname) !== null) return [{ host: hostname, address: hostname }];
  if (proxy.resolve === "proxy") return [{ host: hostname, address: undefined }];
  const found = await checkedAddresses(hostname, rule, resolve);
  return found.slice(0, MOST_ADDRESSES).map(({ address }) => ({ host: address, address }));
}

/** The work, or a fault when it takes too long; `giveUp` then ends what is under way. */
async function inTime<Result>(
  timeoutMs: number,
  work: Promise<Result>,
  giveUp: (fault: Error) => void = () => {},
): Promise<Result> {
  if (timeoutMs === 0) return await work;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      const fault = new TunnelFault("UND_ERR_CONNECT_TIMEOUT", "The connection took too long");
      giveUp(fault);
      reject(fault);
    }, timeoutMs);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
