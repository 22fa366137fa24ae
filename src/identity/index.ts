// Who a session belongs to. Left out: the reading of claims; how metadata and keys are fetched is the transport's business.
export type { OidcIdentityOptions } from "./oidc-identity.js";
export { oidcIdentity } from "./oidc-identity.js";
export type { IdentityVerifier, VerifiedIdentity } from "./verifier.js";
