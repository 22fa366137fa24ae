// The transport: what sends one judged request, and what makes its answer a Response. Agents, exchanges and body queues
// are its own business.
export { type SentState, sentState } from "./faults.js";
export { createFetchTransport } from "./fetch-transport.js";
export type { ResolvedAddress, Resolver } from "./pinned-lookup.js";
export { buildResponse, type ResponseParts } from "./response.js";
export type { BodySource, ContentCoding, HeaderPairs, HopRequest, HopResponse, Transport } from "./transport.js";
export { createUndiciTransport, type UndiciTransportOptions } from "./undici-transport.js";
