/**
 * `sallyport/identity`: who a session belongs to. How metadata and keys are fetched is exported for the broker, which
 * holds authorization servers to the same rules; the cache of keys and the reading of claims are not.
 */
export type { BoundedAnswer, BoundedRequest, FetchFaultReason } from "./bounded-fetch.js";
export { FetchFault, fetchBounded } from "./bounded-fetch.js";
export type { IssuerMetadata, IssuerRules } from "./discovery.js";
export { discoverIssuer, IssuerFault, issuerProblem, metadataEndpoint } from "./discovery.js";
export type { Freshness, FreshValue } from "./fresh-value.js";
export { abortable, freshValue } from "./fresh-value.js";
export type { OidcIdentityOptions } from "./oidc-identity.js";
export { oidcIdentity } from "./oidc-identity.js";
export type { IdentityVerifier, VerifiedIdentity } from "./verifier.js";
