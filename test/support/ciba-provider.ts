import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import { onTestFinished } from "vitest";
import type { CibaOptions } from "../../src/approval/index.js";

/** A second client of the provider, with a secret. */
export const OTHER_CLIENT = { id: "somebody-else", secret: "the-secret-of-somebody-else-0123456789" } as const;

/** The parts of oidc-provider that are used here; it has no types of its own. */
export interface CibaProvider {
  readonly Grant: new (fields: object) => { addOIDCScope(scope: string): void; save(): Promise<string> };
  readonly BackchannelAuthenticationRequest: object;
  backchannelResult(request: object, result: object | Error | string, options?: object): Promise<void>;
  use(middleware: (ctx: { path: string; body: object }, next: () => Promise<void>) => Promise<void>): void;
  callback(): Parameters<typeof createServer>[1];
}

export interface Device {
  readonly bindingMessage: string | undefined;
  readonly authorizationDetails: unknown;
  readonly hint: string;
}

export const makeKey = async (kid: string): Promise<JWK> => {
  const { privateKey } = await generateKeyPair("ES256", { extractable: true });
  return { ...(await exportJWK(privateKey)), alg: "ES256", use: "sig", kid };
};

export interface CibaWorld {
  /** Of the channel that asks it. */
  readonly options: CibaOptions;
  readonly shown: readonly Device[];
  readonly issuer: string;
  readonly clientKey: JWK;
}

/** oidc-provider with CIBA, and a person who answers on their device as they are told here. */
export async function startCibaProvider(answer: "yes" | "no" | "never"): Promise<CibaWorld> {
  const { Provider } = await import("oidc-provider/lib/provider.js");
  const { AccessDenied } = (await import("oidc-provider/lib/helpers/errors.js")) as unknown as {
    AccessDenied: new () => Error;
  };
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clientKey = await makeKey("client-1");
  const { d: _, ...publicKey } = clientKey;
  const shown: Device[] = [];
  const provider: CibaProvider = new Provider(issuer, {
    jwks: { keys: [await makeKey("as-1")] },
    cookies: { keys: ["x".repeat(32)] },
    clients: [
      {
        client_id: "sallyport",
        grant_types: ["urn:openid:params:grant-type:ciba"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "private_key_jwt",
        backchannel_token_delivery_mode: "poll",
        jwks: { keys: [publicKey] },
        id_token_signed_response_alg: "ES256",
        require_auth_time: true,
      },
      {
        client_id: OTHER_CLIENT.id,
        client_secret: OTHER_CLIENT.secret,
        grant_types: ["urn:openid:params:grant-type:ciba"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "client_secret_basic",
        backchannel_token_delivery_mode: "poll",
        id_token_signed_response_alg: "ES256",
      },
    ],
    claims: { openid: ["sub", "groups"], acr: null, auth_time: null },
    conformIdTokenClaims: false,
    acrValues: ["mfa", "password"],
    enabledJWA: { clientAuthSigningAlgValues: ["ES256"] },
    findAccount: (_ctx: unknown, sub: string) => ({
      accountId: sub,
      claims: () => ({ sub, groups: ["finance"], name: "somebody else" }),
    }),
    features: {
      devInteractions: { enabled: false },
      ciba: {
        enabled: true,
        deliveryModes: ["poll"],
        processLoginHint: async (_ctx: unknown, hint: string) => (hint === "nobody" ? undefined : hint),
        validateRequestContext: async () => undefined,
        verifyUserCode: async () => undefined,
        triggerAuthenticationDevice: async (
          ctx: { oidc: { params: Record<string, string> } },
          request: object,
          account: { accountId: string },
        ) => {
          const {
            binding_message: bindingMessage,
            authorization_details: authorizationDetails,
            login_hint: hint = "",
          } = ctx.oidc.params;
          shown.push({ bindingMessage, authorizationDetails, hint });
          if (answer === "never") return;
          if (answer === "no") return provider.backchannelResult(request, new AccessDenied());
          const grant = new provider.Grant({ accountId: account.accountId, clientId: "sallyport" });
          grant.addOIDCScope("openid");
          await grant.save();
          const authTime = 1_768_478_400;
          await provider.backchannelResult(request, grant as object, { acr: "mfa", authTime });
        },
      },
    },
  }) as unknown as CibaProvider;
  // The specification's least interval is five seconds where the provider names none.
  provider.use(async (ctx, next) => {
    await next();
    if (ctx.path === "/backchannel") Object.assign(ctx.body, { interval: 0.02 });
  });
  server.on("request", provider.callback() as never);
  const options: CibaOptions = {
    issuer,
    clientId: "sallyport",
    authentication: { key: clientKey },
    loginHint: () => "bea",
    allowInsecure: true,
  };
  return { options, shown, issuer, clientKey };
}
