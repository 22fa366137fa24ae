/**
 * `sallyport/broker`: credentials that agents use and never hold. The cache, its keys and the OAuth client behind the
 * providers are not exported.
 */
export type { TokenBrokerOptions } from "./broker-options.js";
export type { Credential, OutgoingRequest, Pair } from "./credential.js";
export type { CredentialErrorFields, CredentialFailure } from "./credential-error.js";
export { CredentialError } from "./credential-error.js";
export type { BrokerEvent, BrokerEventBase, CredentialFacts, CredentialMark } from "./events.js";
export type { CredentialLease, CredentialStore, Orphan } from "./leases.js";
export type { DpopKey, ProofClaims } from "./oauth/dpop.js";
export type { GithubActionsTokenOptions } from "./oauth/github-actions.js";
export { githubActionsToken } from "./oauth/github-actions.js";
export type { CredentialRequest } from "./oauth/grant-request.js";
export type { TokenFormat } from "./oauth/granted.js";
export type { SigningKeySource } from "./oauth/jose.js";
export type { ClientAuthentication, OAuthOptions } from "./oauth/options.js";
export type { SecretSource } from "./oauth/suppliers.js";
export type {
  AuthorizationDetail,
  BrokerSession,
  CredentialProvider,
  GrantRequest,
  IssuedCredential,
  Placement,
  RevocationOutcome,
} from "./provider.js";
export type { ClientCredentialsOptions } from "./providers/client-credentials.js";
export { clientCredentials } from "./providers/client-credentials.js";
export type { GithubAppOptions } from "./providers/github-app.js";
export { githubApp } from "./providers/github-app.js";
export type { IdJagIdentityProvider, IdJagOptions } from "./providers/id-jag.js";
export { idJag } from "./providers/id-jag.js";
export type { JwtBearerOptions, SignedAssertion } from "./providers/jwt-bearer.js";
export { jwtBearer } from "./providers/jwt-bearer.js";
export type { StaticSecretOptions } from "./providers/static-secret.js";
export { staticSecret } from "./providers/static-secret.js";
export type { TokenExchangeOptions } from "./providers/token-exchange.js";
export { tokenExchange } from "./providers/token-exchange.js";
export type { Repair, ServiceAnswer } from "./repair.js";
export { Secret } from "./secret.js";
export type { TokenBroker } from "./token-broker.js";
export { createTokenBroker } from "./token-broker.js";
