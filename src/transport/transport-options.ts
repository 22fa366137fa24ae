import {
  callable,
  isObject,
  oneOrMore,
  readAt,
  readOptions,
  type Shape,
  suggestion,
  typed,
  whole,
} from "../shapes/index.js";
import { type Resolver, systemResolver } from "./pinned-lookup.js";
import { type HttpProxy, type ProxyOptions, proxyOf } from "./proxy/proxy-options.js";
import { isPem, type ServiceTls, type TlsOptions, tlsOf } from "./tls-options.js";

/** How one service of the policy is connected to. */
export interface ServiceConnectionOptions {
  /** Whom to trust there, and who we are. Default: as everywhere, and nobody. */
  readonly tls?: TlsOptions;
  /** Whether HTTP/2 is spoken where the service offers it; one request at a time on each connection. Default false. */
  readonly http2?: boolean;
  /** A proxy for this service; `false` for none, where the transport has one. Default: the transport's. */
  readonly proxy?: ProxyOptions | false;
}

/** Options of {@link createUndiciTransport}. Times are milliseconds; 0 switches a time-out off. */
export interface UndiciTransportOptions {
  /** Resolves names. Default: the operating system's resolver. Its answers are checked like any others. */
  readonly lookup?: Resolver;
  /** PEM certificates of authorities to trust besides the public ones, such as a company's own. Default none. */
  readonly ca?: string | readonly string[];
  /** Until a connection, TLS included, is open. Default 10,000. */
  readonly connectTimeoutMs?: number;
  /** Until the answer's headers are complete. Default 300,000, as in fetch. */
  readonly headersTimeoutMs?: number;
  /** Between two chunks of the answer, while it is being read. Default 300,000, as in fetch. */
  readonly bodyTimeoutMs?: number;
  /** How long an idle connection is kept, unless the server says otherwise. At least 1. Default 4,000. */
  readonly keepAliveMs?: number;
  /**
   * Connections to one origin, of all sessions together; further calls wait, the sessions in turn. A session that has none there
   * may open one beyond that. Default 512.
   */
  readonly connectionsPerOrigin?: number;
  /** Connections of one session, to all origins together; further calls wait. Default 256. */
  readonly connectionsPerSession?: number;
  /** Calls of one session that wait for a connection; further ones are refused with `SESSION_BUSY`. Default 1,024. */
  readonly waitingPerSession?: number;
  /** What a compressed body may decode to. Default 256 MiB. */
  readonly maxInflatedBytes?: number;
  /** An HTTP proxy that all connections are opened through (CONNECT). Default none, whatever the environment says. */
  readonly proxy?: ProxyOptions;
  /** By name in the policy: what is different for a service. Its connections are then used for it alone. Default none. */
  readonly services?: Readonly<Record<string, ServiceConnectionOptions>>;
}

/** How the connections of a service differ from those of the others. */
export interface Route {
  readonly tls: ServiceTls | null;
  readonly http2: boolean;
  readonly proxy: HttpProxy | null;
}

/** The options, checked and filled in. Keys and passwords have become what cannot be read any more. */
export interface TransportSettings {
  readonly lookup: Resolver;
  readonly ca: readonly string[];
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly keepAliveMs: number;
  readonly connectionsPerOrigin: number;
  readonly connectionsPerSession: number;
  readonly waitingPerSession: number;
  readonly maxInflatedBytes: number;
  /** For services without settings of their own. */
  readonly usual: Route;
  readonly routes: ReadonlyMap<string, Route>;
}

const NUMBERS = {
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 300_000,
  bodyTimeoutMs: 300_000,
  keepAliveMs: 4_000,
  connectionsPerOrigin: 512,
  connectionsPerSession: 256,
  waitingPerSession: 1_024,
  maxInflatedBytes: 256 * 1024 * 1024,
} as const;

const AT_LEAST_ONE: ReadonlySet<string> = new Set([
  "keepAliveMs",
  "connectionsPerOrigin",
  "connectionsPerSession",
  "maxInflatedBytes",
]);

/** Reports what is wrong at a place. */
export type Report = (pointer: string, message: string) => void;

/** How the options must look. Keys and certificates are tried at once; no message holds a value. */
export const TRANSPORT: Shape<TransportSettings> = {
  read(given, place) {
    if (!isObject(given)) {
      place.report("must be an object");
      return undefined;
    }
    // Every member is read here, once.
    const { lookup, ca, services = {}, proxy, ...rest } = given;
    const report: Report = (pointer, message) => place.below(pointer).report(message);
    const resolver = readAt(lookup, callable<Resolver>(), place.at("lookup")) ?? systemResolver;
    const authorities = readAt(ca, oneOrMore(pem), place.at("ca")) ?? [];
    const numbers: Record<keyof typeof NUMBERS, number> = { ...NUMBERS };
    for (const [name, value] of Object.entries(rest) as [keyof typeof NUMBERS, unknown][]) {
      if (!Object.hasOwn(NUMBERS, name)) report(`/${name}`, `is not a known option${suggestion(name, KNOWN)}`);
      else numbers[name] = readAt(value, whole(AT_LEAST_ONE.has(name) ? 1 : 0), place.at(name)) ?? NUMBERS[name];
    }
    const usual: Route = {
      tls: null,
      http2: false,
      proxy: proxy === undefined ? null : proxyAt("/proxy", proxy, report),
    };
    const routes = new Map<string, Route>();
    for (const [name, service] of Object.entries(objectOr(services, "/services", report)))
      routes.set(name, routeOf(service, `/services/${name}`, usual, report));
    return { lookup: resolver, ca: [authorities].flat(), ...numbers, usual, routes };
  },
};

const pem = typed((given): given is string => isPem(given), "must be PEM certificates");

const KNOWN = ["lookup", "ca", "services", "proxy", ...Object.keys(NUMBERS)];

/** @throws OptionsError listing every wrong option; no message holds a value. */
export const checkTransportOptions = (options: unknown): TransportSettings => readOptions(options, TRANSPORT);

function routeOf(options: unknown, pointer: string, usual: Route, report: Report): Route {
  const { tls, http2 = false, proxy, ...unknown } = objectOr(options, pointer, report);
  if (typeof http2 !== "boolean") report(`${pointer}/http2`, "must be true or false");
  for (const name of Object.keys(unknown)) report(`${pointer}/${name}`, "is not a known option");
  return {
    tls: tls === undefined ? null : tlsOf(objectOr(tls, `${pointer}/tls`, report), `${pointer}/tls`, report),
    http2: http2 === true,
    proxy: proxy === undefined ? usual.proxy : proxy === false ? null : proxyAt(`${pointer}/proxy`, proxy, report),
  };
}

function proxyAt(pointer: string, value: unknown, report: Report): HttpProxy | null {
  try {
    if (isObject(value)) return proxyOf({ ...value }, pointer, report);
    report(pointer, "must be an object with the `url` of a proxy");
  } catch {
    report(pointer, "cannot be read");
  }
  return null;
}

function objectOr(value: unknown, pointer: string, report: Report): Readonly<Record<string, unknown>> {
  try {
    if (isObject(value)) return { ...value };
    report(pointer, "must be an object");
  } catch {
    report(pointer, "cannot be read");
  }
  return {};
}
