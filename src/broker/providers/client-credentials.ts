import { readOptions, type Shape } from "../../shapes/index.js";
import { OAUTH, type OAuthOptions, oauthShape, withOAuthDefaults } from "../oauth/options.js";
import type { CredentialProvider } from "../provider.js";
import { oauthProvider } from "./oauth-provider.js";

/** The options every OAuth provider has, and no others. */
export type ClientCredentialsOptions = OAuthOptions;

const OPTIONS: Shape<ClientCredentialsOptions> = oauthShape<ClientCredentialsOptions>(OAUTH);

/**
 * Tokens for the client itself (RFC 6749 §4.4): the service sees the application, not the person it acts for. Where the
 * authorization server can exchange tokens, {@link tokenExchange} is the better choice.
 */
export function clientCredentials(options: ClientCredentialsOptions): CredentialProvider {
  return oauthProvider(withOAuthDefaults(readOptions(options, OPTIONS)), {
    grantType: "client_credentials",
    exchange: false,
    prepare: async () => ({}),
  });
}
