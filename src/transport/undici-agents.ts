import { rootCertificates } from "node:tls";
import { Agent, buildConnector, Client, type Dispatcher, Pool } from "undici";
import type { AddressRule } from "../request/address.js";
import type { Exchange } from "./exchange.js";
import type { Passage } from "./passage.js";
import { pinnedLookup, type Resolver, refuseHost } from "./pinned-lookup.js";

/** How connections are made and kept. Times are milliseconds. */
export interface ConnectionSettings {
  /** PEM certificates that are trusted besides Node's own. */
  readonly ca: readonly string[];
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly connectionsPerOrigin: number;
}

/** Where the address of a client's one open socket is kept. */
export interface Peer {
  address: string | undefined;
}

/** What is dispatched. The client that takes it puts its peer into it: undici tells a handler nothing about its socket. */
export interface HopDispatch extends Dispatcher.DispatchOptions {
  peer?: Peer;
}

/** Connections, kept apart by address rule. */
export interface Agents {
  /** Sends; the exchange is told of everything that happens, also of errors here. */
  dispatch(rule: AddressRule, request: HopDispatch, exchange: Exchange): void;
  destroy(): Promise<void>;
}

type Connect = buildConnector.connector;

/** What connections are made of. */
interface Making {
  readonly rule: AddressRule;
  readonly resolve: Resolver;
  readonly settings: ConnectionSettings;
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
function checkedConnector({ rule, resolve, settings, passage }: Making): Connect {
  const lookup = pinnedLookup(rule, resolve);
  passage.mark(lookup);
  const connect = buildConnector({
    timeout: settings.connectTimeoutMs,
    lookup,
    ...(settings.ca.length === 0 ? undefined : { ca: [...rootCertificates, ...settings.ca] }),
  });
  return (target, callback) => {
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
export function createAgents(resolve: Resolver, settings: ConnectionSettings, passage: Passage): Agents {
  const agents = new Map<AddressRule, Agent>();

  const agentFor = (rule: AddressRule): Agent => {
    const known = agents.get(rule);
    if (known !== undefined) return known;
    const agent = createAgent({ rule, resolve, settings, passage });
    agents.set(rule, agent);
    const [oldest] = agents;
    if (agents.size > MOST_AGENTS && oldest !== undefined) {
      agents.delete(oldest[0]);
      oldest[1].close().catch(() => {}); // lets what is under way finish
    }
    return agent;
  };

  return {
    dispatch(rule, request, exchange) {
      agentFor(rule).dispatch(request, exchange);
    },
    async destroy() {
      const closing = [...agents.values()];
      agents.clear();
      await Promise.all(closing.map((agent) => agent.destroy()));
    },
  };
}
