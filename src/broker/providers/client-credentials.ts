import { checkOAuthOptions, type OAuthOptions } from "../oauth/options.js";
import type { CredentialProvider } from "../provider.js";
import { oauthProvider } from "./oauth-provider.js";

/** The options every OAuth provider has, and no others. */
export type ClientCredentialsOptions = OAuthOptions;

/**
 * Tokens for the client itself (RFC 6749 §4.4): the service sees the application, not the person it acts for. Where the
 * authorization server can exchange tokens, {@link tokenExchange} is the better choice.
 */
export function clientCredentials(options: ClientCredentialsOptions): CredentialProvider {
  return oauthProvider(checkOAuthOptions(options), {
    grantType: "client_credentials",
    exchange: false,
    prepare: async () => ({}),
  });
}
