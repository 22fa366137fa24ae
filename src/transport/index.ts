// The transport: what sends one judged request, and what makes its answer a Response. Agents, exchanges and body queues
// are its own business.

export { type AbortWatcher, unwatchAbort, watchAbort } from "./abort-watch.js";
export { Added } from "./added.js";
export { basicAuthorization } from "./basic-authorization.js";
// Metadata and keys of authorization servers, fetched under one set of rules by identity and broker
export {
  type BoundedAnswer,
  type BoundedRequest,
  FetchFault,
  type FetchFaultReason,
  fetchBounded,
  type PlainFetch,
} from "./bounded-fetch.js";
export { type CheckedFetch, createCheckedFetch } from "./checked-fetch.js";
export {
  discoverIssuer,
  fetchKeySet,
  type IssuerAccess,
  IssuerFault,
  type IssuerMetadata,
  type IssuerRules,
  issuerProblem,
  metadataEndpoint,
} from "./discovery.js";
export { createFetchTransport } from "./fetch-transport.js";
export { abortable, type Freshness, type FreshValue, freshValue } from "./fresh-value.js";
export { matchingBody } from "./integrity.js";
export { sealPassages } from "./passage.js";
export type { ResolvedAddress, Resolver } from "./pinned-lookup.js";
export type { ProxyOptions } from "./proxy/proxy-options.js";
export { buildResponse, type ResponseParts } from "./response.js";
export { type Fault, Sending } from "./sending.js";
export { addressRanges, authorities, checkIssuer, issuerUrl, serverOrigins } from "./server-options.js";
export type { TlsOptions } from "./tls-options.js";
export type {
  BodySource,
  Connections,
  ContentCoding,
  HeaderPairs,
  HopRequest,
  HopResponse,
  Transport,
} from "./transport.js";
export type { ServiceConnectionOptions, TransportSettings, UndiciTransportOptions } from "./transport-options.js";
export { createUndiciTransport, openUndiciTransport } from "./undici-transport.js";
