import type { Socket } from "node:net";
import { rootCertificates, type SecureContext } from "node:tls";
import type { AddressRule } from "../../request/address.js";
import { bare } from "../../request/captured.js";
import type { Passage } from "../passage.js";
import { pinnedLookup, refuseHost } from "../pinned-lookup.js";
import { openTunnel } from "../proxy/open-tunnel.js";
import type { HttpProxy } from "../proxy/proxy-options.js";
import { authorityOf } from "../proxy/tunnel.js";
import type { Route, TransportSettings } from "../transport-options.js";
import type { Peer } from "./carrier.js";
import { buildConnector } from "./undici.js";

/** Opens one connection, and says to whom. */
export type Connect = (
  target: buildConnector.Options,
  callback: (...outcome: [Error, null] | [null, Socket, Peer]) => void,
) => void;

/**
 * What Node asks the options of a socket for, and nobody sets here: as members of their own, so that `Object.prototype` is not
 * asked, also where Node copies the options into an object that has it.
 */
const UNSET: object = Object.freeze(
  Object.fromEntries(
    [
      ..."fd handle readable writable allowHalfOpen onread noDelay keepAlive keepAliveInitialDelay signal".split(" "),
      ..."localPort family hints timeout autoSelectFamily autoSelectFamilyAttemptTimeout blockList".split(" "),
      ..."pauseOnCreate manualStart encoding objectMode readableObjectMode writableObjectMode".split(" "),
      ..."captureRejections construct read write writev final destroy isServer server requestCert".split(" "),
      ..."pskCallback enableTrace requestOCSP SNICallback pipe".split(" "),
    ].map((name) => [name, undefined]),
  ),
);

/** How a connector is made: with these settings, and no others. */
const buildOptions = (...parts: readonly object[]): buildConnector.BuildOptions =>
  bare<buildConnector.BuildOptions>(UNSET, ...parts);

/** What connections are made of. */
export interface Making {
  readonly rule: AddressRule;
  readonly settings: TransportSettings;
  readonly route: Route;
  /** Whether the server may choose HTTP/2. */
  readonly allowH2: boolean;
  /** Whom to trust, and who we are; null for Node's own authorities, and nobody. */
  readonly context: SecureContext | null;
  readonly passage: Passage;
  /** Sockets to proxies that are no tunnels yet: nobody else knows of them. */
  readonly opening: Set<Socket>;
}

/**
 * Every connection is made here, and this is the one place where an address is checked: literals before the socket is
 * opened (no lookup is ever called for them), names in the lookup of the socket itself, or before a proxy is asked.
 */
export function checkedConnector(making: Making): Connect {
  const { rule, route } = making;
  const connect = route.proxy === null ? directConnector(making) : tunnelConnector(making, route.proxy);
  return (asked, callback) => {
    const named = route.tls?.servername === undefined ? {} : { servername: route.tls.servername };
    const target = bare<buildConnector.Options>({ httpSocket: undefined }, asked, named);
    const refusal = refuseHost(target.hostname, rule);
    if (refusal === undefined) connect(target, callback);
    else process.nextTick(callback, refusal, null); // a client does not expect its outcome before it has asked
  };
}

function directConnector({ rule, settings, allowH2, context, passage }: Making): Connect {
  const lookup = pinnedLookup(rule, settings.lookup);
  passage.mark(lookup);
  const connect = buildConnector(
    buildOptions({ timeout: settings.connectTimeoutMs, lookup, allowH2 }, contextOf(context)),
  );
  return (target, callback) =>
    passage.open(target.hostname, portOf(target), () =>
      connect(target, (error, socket) => {
        if (error === null) callback(null, socket, { address: socket.remoteAddress, proxy: undefined });
        else callback(error, null);
      }),
    );
}

/** Connections through a proxy. Where the proxy is, the operator says, so its own address is not held to the rule. */
function tunnelConnector({ rule, settings, allowH2, context, passage, opening }: Making, proxy: HttpProxy): Connect {
  const timeout = settings.connectTimeoutMs;
  const lookup = pinnedLookup(() => ({ ok: true }), settings.lookup);
  passage.mark(lookup);
  const authorities = proxy.ca.length === 0 ? {} : { ca: [...rootCertificates, ...proxy.ca] };
  const toProxy = buildConnector(buildOptions({ timeout, lookup, allowH2: false }, authorities));
  const overTunnel = buildConnector(buildOptions({ timeout, allowH2 }, contextOf(context)));
  const { hostname, port, protocol } = proxy;
  const place = bare<buildConnector.Options>({
    hostname,
    host: authorityOf(hostname, port),
    protocol,
    port: String(port),
  });
  const dial = (): Promise<Socket> =>
    new Promise((resolve, reject) => {
      passage.open(hostname, port, () => {
        const socket = toProxy(place, (error, opened) => (error === null ? resolve(opened) : reject(error))) as
          | Socket
          | undefined;
        if (socket === undefined) return;
        opening.add(socket);
        socket.once("close", () => opening.delete(socket));
      });
    });
  const parts = { proxy, rule, resolve: settings.lookup, timeoutMs: timeout, dial };
  return (target, callback) => {
    openTunnel(parts, target.hostname, portOf(target)).then(
      ({ socket, address }) => {
        opening.delete(socket);
        const peer = { address, proxy: place.host };
        if (target.protocol !== "https:") return callback(null, socket, peer);
        overTunnel(bare<buildConnector.Options>(target, { httpSocket: socket }), (error, secured) => {
          if (error === null) return callback(null, secured, peer);
          socket.destroy();
          callback(error, null);
        });
      },
      (error: Error) => callback(error, null),
    );
  };
}

const contextOf = (context: SecureContext | null): { readonly secureContext?: SecureContext } =>
  context === null ? {} : { secureContext: context };

const portOf = ({ port, protocol }: buildConnector.Options): number =>
  port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);
