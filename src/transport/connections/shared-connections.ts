import type { Socket } from "node:net";
import { createSecureContext, rootCertificates } from "node:tls";
import type { AddressRule } from "../../request/address.js";
import type { Passage } from "../passage.js";
import type { HopRequest } from "../transport.js";
import type { Route, TransportSettings } from "../transport-options.js";
import { Connection } from "./connection.js";
import { type Connect, checkedConnector } from "./connector.js";
import { Place } from "./pool.js";
import { SessionConnections, type Shared } from "./session-connections.js";
import { createWire } from "./wire.js";

/** The connections of a guard. */
export interface SharedConnections {
  /** Those of one session. Nothing is opened before it sends. */
  open(): SessionConnections;
  /** Closes all connections; what is under way fails. */
  destroy(): Promise<void>;
}

/** Undici is told nothing of `HTTP_PROXY`: only its EnvHttpProxyAgent reads it. */
export function createSharedConnections(settings: TransportSettings, passage: Passage): SharedConnections {
  // Made once: reading Node's own authorities takes longer than a connection does.
  const context = settings.ca.length === 0 ? null : createSecureContext({ ca: [...rootCertificates, ...settings.ca] });
  const wire = createWire();
  const opening = new Set<Socket>();
  const sessions = new Set<SessionConnections>();
  const routeOf = ({ service }: HopRequest): Route =>
    (service === undefined ? undefined : settings.routes.get(service)) ?? settings.usual;
  const waysOf = (route: Route): Ways =>
    new Ways((rule, allowH2) =>
      checkedConnector({ rule, settings, route, allowH2, context: route.tls?.context ?? context, passage, opening }),
    );
  const ways = new Map([settings.usual, ...settings.routes.values()].map((route) => [route, waysOf(route)]));
  const shared: Shared = {
    settings,
    placeOf(hop) {
      const route = routeOf(hop);
      return (ways.get(route) as Ways).placeAt(hop.addresses, hop.origin, (connectors, onEmpty) => {
        const { plain: connect, http2 } = connectors;
        const parts = { origin: hop.origin, settings, connect, connectForHttp2: route.http2 ? http2 : null, wire };
        return new Place<Connection>((share) => new Connection(share, parts), onEmpty);
      });
    },
  };
  return {
    open() {
      const opened = new SessionConnections(shared, () => sessions.delete(opened));
      sessions.add(opened);
      return opened;
    },
    async destroy() {
      for (const socket of opening) socket.destroy();
      await Promise.all([...sessions].map((session) => session.close("GUARD_CLOSED")));
    },
  };
}

/** How connections are opened: for HTTP/1.1 alone, and so that the server may choose HTTP/2. */
interface Connectors {
  readonly plain: Connect;
  readonly http2: Connect;
}

/**
 * What leads somewhere by one route: kept apart by address rule, so that no connection is used under a stricter rule than its
 * own. A policy that is reloaded for ever brings new rules for ever: what nobody uses any more is forgotten.
 */
class Ways {
  readonly #connectors = new WeakMap<AddressRule, Connectors>();
  readonly #places = new Map<AddressRule, Map<string, Place<Connection>>>();
  readonly #createConnector: (rule: AddressRule, allowH2: boolean) => Connect;

  constructor(createConnector: (rule: AddressRule, allowH2: boolean) => Connect) {
    this.#createConnector = createConnector;
  }

  placeAt(
    rule: AddressRule,
    origin: string,
    create: (connectors: Connectors, onEmpty: () => void) => Place<Connection>,
  ): Place<Connection> {
    const known = this.#places.get(rule)?.get(origin);
    if (known !== undefined) return known;
    const place = create(this.#connectorsFor(rule), () => this.#forget(rule, origin));
    let places = this.#places.get(rule);
    if (places === undefined) {
      places = new Map();
      this.#places.set(rule, places);
    }
    places.set(origin, place);
    return place;
  }

  #connectorsFor(rule: AddressRule): Connectors {
    let connectors = this.#connectors.get(rule);
    if (connectors === undefined) {
      connectors = { plain: this.#createConnector(rule, false), http2: this.#createConnector(rule, true) };
      this.#connectors.set(rule, connectors);
    }
    return connectors;
  }

  #forget(rule: AddressRule, origin: string): void {
    const places = this.#places.get(rule);
    places?.delete(origin);
    if (places?.size === 0) this.#places.delete(rule);
  }
}
