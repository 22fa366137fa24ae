import { randomUUID } from "node:crypto";
import { also, isObject, object, readOptions, type Shape, text } from "../../shapes/index.js";
import { CredentialError } from "../credential-error.js";
import { importSigningKey, type SigningKey, type SigningKeySource, signJwt } from "../oauth/jose.js";
import {
  OAUTH,
  type OAuthOptions,
  oauthShape,
  SIGNING_KEY,
  signingKeyProblem,
  withOAuthDefaults,
} from "../oauth/options.js";
import { readSubject, subjectRejected, subjectSupplier } from "../oauth/subject.js";
import { type SecretSource, secretSource } from "../oauth/suppliers.js";
import type { CredentialProvider, GrantRequest } from "../provider.js";
import { revealed, Secret } from "../secret.js";
import { oauthProvider } from "./oauth-provider.js";

/** An assertion that we sign ourselves, with a key that the authorization server trusts. */
export interface SignedAssertion extends SigningKeySource {
  /** `iss` of the assertion. Default: the client. */
  readonly issuer?: string;
  /** `sub` of the assertion. Default: the id of the session's principal. */
  readonly subject?: string;
  /** `aud` of the assertion. Default: the authorization server's issuer. */
  readonly audience?: string;
}

/** How an assertion becomes a token. */
export interface JwtBearerOptions extends OAuthOptions {
  /**
   * The JWT that is presented. `"session"` (the default): the session's identity token. Or a source, read for every grant;
   * or what to sign one with, for one minute.
   */
  readonly assertion?: "session" | Exclude<SecretSource, string> | SignedAssertion;
}

export const JWT_BEARER: string = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/**
 * Tokens for a JWT (RFC 7523 §2.1): on behalf of the session's principal where the server takes its identity token, or
 * where it takes our word for who that is. Never falls back to the client's own rights, and no token outlives the
 * assertion's own end where that is the principal's.
 */
export function jwtBearer(options: JwtBearerOptions): CredentialProvider {
  const checked = withOAuthDefaults(readOptions(options, OPTIONS));
  const { assertion = "session" } = checked;
  const signed = isSigned(assertion) ? assertion : undefined;
  const source = assertion === "session" || isSigned(assertion) ? undefined : subjectSupplier(assertion);
  let importing: Promise<SigningKey> | undefined;

  const sign = async ({ session, scopes }: GrantRequest, how: SignedAssertion): Promise<string> => {
    importing ??= importSigningKey(how);
    const key = await importing.catch(() => {
      throw new CredentialError("misconfigured", { message: "The key to sign assertions with cannot be imported." });
    });
    const now = Math.floor(Date.now() / 1000);
    return await signJwt(key, {
      iss: how.issuer ?? checked.clientId,
      sub: how.subject ?? session.principal.id,
      aud: how.audience ?? checked.issuer,
      iat: now,
      exp: now + 60,
      jti: randomUUID(),
      // Some servers read the scope here and nowhere else; and whoever comes by the assertion gets no more for it than that.
      ...(scopes.length === 0 ? {} : { scope: scopes.join(" ") }),
    });
  };

  return oauthProvider(checked, {
    grantType: JWT_BEARER,
    exchange: false,
    secrets: () => source?.known() ?? [],
    async prepare(parameters, request) {
      if (signed !== undefined) {
        parameters.set("assertion", await sign(request, signed));
        return {};
      }
      const secret = source === undefined ? request.subject : await source.read();
      if (secret === undefined) throw subjectRejected("is missing: the session has no identity token");
      const subject = readSubject(secret, { audience: undefined, nowMs: Date.now() });
      parameters.set("assertion", revealed(subject.secret));
      return subject.expiresInMs === undefined ? {} : { maxLifetimeMs: subject.expiresInMs };
    },
  });
}

const isSigned = (assertion: JwtBearerOptions["assertion"]): assertion is SignedAssertion =>
  typeof assertion === "object" && !(assertion instanceof Secret) && "key" in assertion;

const signedAssertion: Shape<SignedAssertion> = also(
  object<SignedAssertion>({ ...SIGNING_KEY, issuer: text(), subject: text(), audience: text() }),
  (source, place) => {
    const [at, message] = signingKeyProblem(source) ?? [];
    if (at !== undefined && message !== undefined) place.at(at).report(message);
  },
);

const assertion: Shape<NonNullable<JwtBearerOptions["assertion"]>> = {
  read(given, place) {
    if (given === "session") return given;
    if (isObject(given) && !(given instanceof Secret) && "key" in given) return signedAssertion.read(given, place);
    if (typeof given !== "string") return secretSource.read(given, place) as Exclude<SecretSource, string> | undefined;
    place.report('must be "session", a source, or a key to sign with');
    return undefined;
  },
};

const OPTIONS: Shape<JwtBearerOptions> = oauthShape<JwtBearerOptions>({ ...OAUTH, assertion });
