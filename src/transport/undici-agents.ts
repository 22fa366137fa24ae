import { createSecureContext, rootCertificates, type SecureContext } from "node:tls";
import { Agent, buildConnector, Client, type Dispatcher, Pool } from "undici";
import type { AddressRule } from "../request/address.js";
import type { Exchange } from "./exchange.js";
import type { Passage } from "./passage.js";
import { pinnedLookup, refuseHost } from "./pinned-lookup.js";
import type { HopRequest } from "./transport.js";
import type { Route, TransportSettings } from "./transport-options.js";

/** Where the address of a client's one open socket is kept. */
export interface Peer {
  address: string | undefined;
}

/** What is dispatched. The client that takes it puts its peer into it: undici tells a handler nothing about its socket. */
export interface HopDispatch extends Dispatcher.DispatchOptions {
  peer?: Peer;
}

/** Connections, kept apart by address rule, and those of a service with settings of its own from all others. */
export interface Agents {
  /** Sends; the exchange is told of everything that happens, also of errors here. */
  dispatch(hop: HopRequest, request: HopDispatch, exchange: Exchange): void;
  destroy(): Promise<void>;
}

type Connect = buildConnector.connector;

/** What connections are made of. */
interface Making {
  readonly rule: AddressRule;
  readonly settings: TransportSettings;
  readonly route: Route;
  /** Whom to trust, and who we are; null for Node's own authorities, and nobody. */
  readonly context: SecureContext | null;
  readonly passage: Passage;
}

/** A client that knows whom it is connected to. */
class PeerClient extends Client {
  readonly #peer: Peer;
  constructor(origin: URL, options: Client.Options, connect: Connect) {
    const peer: Peer = { address: undefined };
    super(origin, {
      ...options,
      connect: (target, callback) => {
        connect(target, (...outcome) => {
          peer.address = outcome[1]?.remoteAddress;
          callback(...outcome);
        });
      },
    });
    this.#peer = peer;
  }

  override dispatch(request: HopDispatch, handler: Dispatcher.DispatchHandler): boolean {
    request.peer = this.#peer;
    return super.dispatch(request, handler);
  }
}

/**
 * Every connection is made here, and this is the one place where an address is checked: literals before the socket is
 * opened (no lookup is ever called for them), names in the lookup of the socket itself.
 */
function checkedConnector({ rule, settings, route, context, passage }: Making): Connect {
  const lookup = pinnedLookup(rule, settings.lookup);
  passage.mark(lookup);
  const connect = buildConnector({
    timeout: settings.connectTimeoutMs,
    lookup,
    allowH2: route.http2,
    ...(context === null ? undefined : { secureContext: context }),
  });
  return (asked, callback) => {
    const target = route.tls?.servername === undefined ? asked : { ...asked, servername: route.tls.servername };
    const refusal = refuseHost(target.hostname, rule);
    if (refusal === undefined) passage.open(target.hostname, portOf(target), () => connect(target, callback));
    else process.nextTick(callback, refusal, null); // a client does not expect its answer before it has asked
  };
}

const portOf = ({ port, protocol }: buildConnector.Options): number =>
  port === "" ? (protocol === "https:" ? 443 : 80) : Number(port);

function createAgent(making: Making): Agent {
  const { settings } = making;
  const connect = checkedConnector(making);
  return new Agent({
    connections: settings.connectionsPerOrigin,
    headersTimeout: settings.headersTimeoutMs,
    bodyTimeout: settings.bodyTimeoutMs,
    keepAliveTimeout: settings.keepAliveMs,
    factory: (origin, options) =>
      new Pool(origin, {
        ...(options as Pool.Options),
        factory: (clientOrigin, clientOptions) =>
          new PeerClient(clientOrigin, clientOptions as Client.Options, connect),
      }),
  });
}

/** A policy that is reloaded for ever brings new rules for ever; the connections of the oldest are closed. */
const MOST_AGENTS = 256;

/** Agents are told nothing of `HTTP_PROXY`: only undici's EnvHttpProxyAgent reads it. */
export function createAgents(settings: TransportSettings, passage: Passage): Agents {
  // Made once: reading Node's own authorities takes longer than a connection does.
  const shared = settings.ca.length === 0 ? null : createSecureContext({ ca: [...rootCertificates, ...settings.ca] });
  const agentsFor = (route: Route): AgentsOfRoute =>
    new AgentsOfRoute((rule) => createAgent({ rule, settings, route, context: route.tls?.context ?? shared, passage }));
  const usual = agentsFor({ tls: null, http2: false });
  const own = new Map([...settings.routes].map(([service, route]) => [service, agentsFor(route)]));

  return {
    dispatch({ service, addresses }, request, exchange) {
      const agents = (service === undefined ? undefined : own.get(service)) ?? usual;
      agents.for(addresses).dispatch(request, exchange);
    },
    async destroy() {
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
