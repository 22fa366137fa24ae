/**
 * The part of oidc-provider that the demonstration uses; the package has no types of its own. Its two inner modules are
 * imported instead of its index, which prints a notice about the Node version as soon as it is loaded.
 */
declare module "oidc-provider/lib/provider.js" {
  export class Provider {
    constructor(issuer: string, configuration: unknown);
    readonly issuer: string;
    readonly AccessToken: new (
      fields: unknown,
    ) => import("./token-exchange-grant.js").ProviderToken;
    readonly Grant: new (
      fields: unknown,
    ) => import("./token-exchange-grant.js").ProviderGrant;
    readonly ResourceServer: new (
      identifier: string,
      info: unknown,
    ) => unknown;
    callback(): import("node:http").RequestListener;
    on(event: string, listener: (...args: never[]) => void): this;
    registerGrantType(
      name: string,
      handler: (ctx: import("./token-exchange-grant.js").TokenContext) => Promise<void>,
      parameters: readonly string[],
    ): void;
  }
}

declare module "oidc-provider/lib/helpers/errors.js" {
  type OAuthErrorClass = new (description: string) => Error;
  export const InvalidGrant: OAuthErrorClass;
  export const InvalidTarget: OAuthErrorClass;
  export const InvalidRequest: OAuthErrorClass;
}
