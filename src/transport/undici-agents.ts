import type { Socket } from "node:net";
import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { Agent, buildConnector, Client, type Dispatcher, Pool } from "undici";
import type { AddressRule } from "../request/address.js";
import { bare } from "../request/captured.js";
import type { Exchange } from "./exchange.js";
import type { Passage } from "./passage.js";
import { pinnedLookup, refuseHost } from "./pinned-lookup.js";
import { openTunnel } from "./proxy/open-tunnel.js";
import type { HttpProxy } from "./proxy/proxy-options.js";
import { authorityOf } from "./proxy/tunnel.js";
import type { HopRequest } from "./transport.js";
import type { Route, TransportSettings } from "./transport-options.js";
import { createWire, type Wire } from "./wire.js";

/** What is known of the far end of a client's one open socket. */
export interface Peer {
  /** The address that was connected to, or that a proxy was asked for. */
  address: string | undefined;
  /** The proxy in between. */
  proxy: string | undefined;
}

/** What is dispatched. The client that takes it puts its peer into it: undici tells a handler nothing about its socket. */
export interface HopDispatch extends Dispatcher.DispatchOptions {
  peer?: Peer;
}

/** Connections, kept apart by address rule, and those of a service with settings of its own from all others. */
export interface Agents {
  /** Where what goes out on them is compared with what was judged. */
  readonly wire: Wire;
  /** Whether the request is certain to be written as text: not where HTTP/2 may be spoken. */
  hasHead(hop: HopRequest): boolean;
  /** Sends; the exchange is told of everything that happens, also of errors here. */
  dispatch(hop: HopRequest, request: HopDispatch, exchange: Exchange): void;
  destroy(): Promise<void>;
}

/** Opens one connection, and says to whom. */
type Connect = (
  target: buildConnector.Options,
  callback: (...outcome: [Error, null] | [null, Socket, Peer]) => void,
) => void;

/** What connections are made of. */
interface Making {
  readonly rule: AddressRule;
  readonly settings: TransportSettings;
  readonly route: Route;
  /** Whom to trust, and who we are; null for Node's own authorities, and nobody. */
  readonly context: SecureContext | null;
  readonly passage: Passage;
  /** Sockets to proxies that are no tunnels yet: nobody else knows of them. */
  readonly opening: Set<Socket>;
  /** Null where HTTP/2 may be spoken, which has no heads of text. */
  readonly wire: Wire | null;
}

/** A client that knows whom it is connected to. */
class PeerClient extends Client {
  readonly #peer: Peer;
  constructor(origin: URL, options: Client.Options, connect: Connect, wire: Wire | null) {
    const peer: Peer = { address: undefined, proxy: undefined };
    super(
      origin,
      bare<Client.Options>(options, {
        connect: (target: buildConnector.Options, callback: buildConnector.Callback) => {
          connect(target, (...outcome) => {
            const [error, socket, { address, proxy } = peer] = outcome;
            Object.assign(peer, { address, proxy });
            if (error === null) {
              wire?.watch(socket, origin.origin);
              callback(null, socket);
            } else callback(error, null);
          });
        },
      }),
    );
    this.#peer = peer;
  }

  override dispatch(request: HopDispatch, handler: Dispatcher.DispatchHandler): boolean {
    request.peer = this.#peer;
    return super.dispatch(request, handler);
  }
}

/**
 * Every connection is made here, and this is the one place where an address is checked: literals before the socket is
 * opened (no lookup is ever called for them), names in the lookup of the socket itself, or before a proxy is asked.
 */
function checkedConnector(making: Making): Connect {
  const { rule, route } = making;
  const connect = route.proxy === null ? directConnector(making) : tunnelConnector(making, route.proxy);
  return (asked, callback) => {
    const target = route.tls?.servername === undefined ? asked : { ...asked, servername: route.tls.servername };
    const refusal = refuseHost(target.hostname, rule);
    if (refusal === undefined) connect(target, callback);
    else process.nextTick(callback, refusal, null); // a client does not expect its answer before it has asked
  };
}

function directConnector({ rule, settings, route, context, passage }: Making): Connect {
  const lookup = pinnedLookup(rule, settings.lookup);
  passage.mark(lookup);
  const connect = buildConnector(
    bare<buildConnector.BuildOptions>(
      { timeout: settings.connectTimeoutMs, lookup, allowH2: route.http2 },
      contextOf(context),
    ),
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
function tunnelConnector({ rule, settings, route, context, passage, opening }: Making, proxy: HttpProxy): Connect {
  const timeout = settings.connectTimeoutMs;
  const lookup = pinnedLookup(() => ({ ok: true }), settings.lookup);
  passage.mark(lookup);
  const authorities = proxy.ca.length === 0 ? {} : { ca: [...rootCertificates, ...proxy.ca] };
  const toProxy = buildConnector({ timeout, lookup, ...authorities });
  const overTunnel = buildConnector({ timeout, allowH2: route.http2, ...contextOf(context) });
  const { hostname, port, protocol } = proxy;
  const place = { hostname, host: authorityOf(hostname, port), protocol, port: String(port) };
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
        overTunnel({ ...target, httpSocket: socket }, (error, secured) => {
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

function createAgent(making: Making): Agent {
  const { settings, wire } = making;
  const connect = checkedConnector(making);
  return new Agent(
    bare<Agent.Options>({
      connections: settings.connectionsPerOrigin,
      headersTimeout: settings.headersTimeoutMs,
      bodyTimeout: settings.bodyTimeoutMs,
      keepAliveTimeout: settings.keepAliveMs,
      factory: (origin: string | URL, options: object) =>
        new Pool(
          origin,
          bare<Pool.Options>(options, {
            factory: (clientOrigin: URL, clientOptions: object) =>
              new PeerClient(clientOrigin, clientOptions as Client.Options, connect, wire),
          }),
        ),
    }),
  );
}

/** A policy that is reloaded for ever brings new rules for ever; the connections of the oldest are closed. */
const MOST_AGENTS = 256;

/** Agents are told nothing of `HTTP_PROXY`: only undici's EnvHttpProxyAgent reads it. */
export function createAgents(settings: TransportSettings, passage: Passage): Agents {
  // Made once: reading Node's own authorities takes longer than a connection does.
  const shared = settings.ca.length === 0 ? null : createSecureContext({ ca: [...rootCertificates, ...settings.ca] });
  const wire = createWire();
  const opening = new Set<Socket>();
  const agentsFor = (route: Route): AgentsOfRoute => {
    const context = route.tls?.context ?? shared;
    return new AgentsOfRoute((rule) =>
      createAgent({ rule, settings, route, context, passage, opening, wire: route.http2 ? null : wire }),
    );
  };
  const usual = agentsFor(settings.usual);
  const own = new Map([...settings.routes].map(([service, route]) => [service, agentsFor(route)]));

  return {
    wire,
    hasHead: ({ service }) =>
      !((service === undefined ? undefined : settings.routes.get(service)) ?? settings.usual).http2,
    dispatch({ service, addresses }, request, exchange) {
      const agents = (service === undefined ? undefined : own.get(service)) ?? usual;
      agents.for(addresses).dispatch(request, exchange);
    },
    async destroy() {
      for (const socket of opening) socket.destroy();
      await Promise.all([usual, ...own.values()].map((agents) => agents.destroy()));
    },
  };
}

/** The agents of one route: one per address rule, so that no connection is used under a stricter rule than its own. */
class AgentsOfRoute {
  readonly #agents = new Map<AddressRule, Agent>();
  readonly #create: (rule: AddressRule) => Agent;

  constructor(create: (rule: AddressRule) => Agent) {
    this.#create = create;
  }

  for(rule: AddressRule): Agent {
    const known = this.#agents.get(rule);
    if (known !== undefined) return known;
    const agent = this.#create(rule);
    this.#agents.set(rule, agent);
    const [oldest] = this.#agents;
    if (this.#agents.size > MOST_AGENTS && oldest !== undefined) {
      this.#agents.delete(oldest[0]);
      oldest[1].close().catch(() => {}); // lets what is under way finish
    }
    return agent;
  }

  async destroy(): Promise<void> {
    const closing = [...this.#agents.values()];
    this.#agents.clear();
    await Promise.all(closing.map((agent) => agent.destroy()));
  }
}
