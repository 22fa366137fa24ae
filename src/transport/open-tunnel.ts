import type { Socket } from "node:net";
import { type AddressRule, parseHostLiteral } from "../request/address.js";
import { checkedAddresses, type Resolver } from "./pinned-lookup.js";
import type { HttpProxy } from "./proxy-options.js";
import { askForTunnel, authorityOf, mayTryAnother, TunnelFault } from "./tunnel.js";

/** What tunnels are made of. */
export interface TunnelParts {
  readonly proxy: HttpProxy;
  readonly rule: AddressRule;
  readonly resolve: Resolver;
  /** For the proxy's answer. Milliseconds; 0 for none. */
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
  const places = await placesOf(parts, hostname);
  let fault: unknown;
  for (const { host, address } of places) {
    const socket = await parts.dial();
    try {
      await inTime(socket, parts.timeoutMs, askForTunnel(socket, parts.proxy, authorityOf(host, port)));
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

async function inTime(socket: Socket, timeoutMs: number, asking: Promise<void>): Promise<void> {
  if (timeoutMs === 0) return await asking;
  const late = new TunnelFault("UND_ERR_CONNECT_TIMEOUT", "The proxy did not answer in time");
  const timer = setTimeout(() => socket.destroy(late), timeoutMs);
  try {
    await asking;
  } finally {
    clearTimeout(timer);
  }
}
