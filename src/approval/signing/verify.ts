import { createHmac } from "node:crypto";
import { canonicalJson } from "../../request/body/canonical-json.js";
import {
  also,
  isObject,
  list,
  needed,
  object,
  readOptions,
  type Shape,
  secretBytes,
  text,
} from "../../shapes/index.js";
import { type Reading, readDecision } from "../read-reply.js";
import type { ApprovalDecision } from "../types.js";
import { type CryptoKey, type JWK, loadJose } from "./jose.js";
import { keyProblem } from "./public-key.js";

/** Whose signature proves a decision. */
export interface VerifyOptions {
  /** `iss` of tokens, and who vouches for the people in them. */
  readonly issuer: string;
  /** `aud` of tokens. Default `sallyport`. */
  readonly audience?: string;
  /** Public keys (RFC 7517), each with `alg`: ES256, ES384, ES512, EdDSA, RS256, RS384, RS512, PS256, PS384 or PS512. */
  readonly keys?: readonly JWK[];
  /** A shared secret of 32 bytes or more, for HS256. Whoever verifies with it can sign with it. */
  readonly secret?: string | Uint8Array;
}

/** Proves decisions that come from outside. Made by {@link verifyApprovals}. */
export interface ApprovalVerifier {
  /** Reads a one-time token (a compact JWS). `now` is epoch milliseconds. */
  token(token: string, now: number): Promise<Reading<ApprovalDecision>>;
  /** Null where the `proof` of a decision is right, otherwise what is wrong. */
  proof(decision: ApprovalDecision): Promise<string | null>;
  /**
   * Names what answers are proved by: a yes counts for another guard, or after a restart, where that guard believes all of these
   * as well. Without it, only for the guard that took it.
   */
  readonly keyIds?: readonly string[];
}

export const TOKEN_TYPE = "sallyport-approval+jwt";
const AUDIENCE = "sallyport";
const MAX_TOKEN = 16_384;
/** A token is an answer to one question, and no question is open for longer than a month. */
const LONGEST_LIFE_S = 31 * 24 * 3_600;
const CLOCK_TOLERANCE_S = 5;

interface Key {
  readonly alg: string;
  readonly kid: string | undefined;
  readonly key: CryptoKey | Uint8Array;
}

/**
 * Makes a verifier. Each key is good for the one algorithm it names, so that a public key is never taken for a shared secret,
 * and `none` for nothing (RFC 8725 section 3.1).
 *
 * @throws OptionsError
 */
export function verifyApprovals(options: VerifyOptions): ApprovalVerifier {
  const checked = readOptions(options, verifyShape);
  const { issuer, audience = AUDIENCE } = checked;
  const keys = importKeys(checked);
  // Whoever verifies first is told; until then nobody is.
  keys.catch(() => undefined);

  /** The keys that a header may mean: by its `kid` where it has one, and always of its own `alg`. */
  const keysFor = async ({ alg, kid }: { readonly alg?: string; readonly kid?: string }): Promise<readonly Key[]> =>
    (await keys).filter((key) => key.alg === alg && (kid === undefined || key.kid === undefined || key.kid === kid));

  return {
    keyIds: keyIdsOf(options),
    async token(token, now) {
      if (token.length > MAX_TOKEN) return { ok: false, problem: "the token is too long" };
      const { jwtVerify } = await loadJose();
      for (const { key, alg } of await keysFor(headerOf(token))) {
        try {
          const { payload } = await jwtVerify(token, key, {
            algorithms: [alg],
            issuer,
            audience,
            typ: TOKEN_TYPE,
            currentDate: new Date(now),
            clockTolerance: CLOCK_TOLERANCE_S,
            requiredClaims: ["exp", "iat", "jti", "sub"],
            maxTokenAge: LONGEST_LIFE_S,
          });
          return readDecision(decisionOf(payload));
        } catch {
          // Another key may fit; what was wrong with this one is nothing to tell whoever made the token.
        }
      }
      return { ok: false, problem: "the token is not one that was signed for this guard and is still good" };
    },
    async proof(decision) {
      const { proof, ...rest } = decision;
      const [header = "", payload, signature = ""] = (proof ?? "").split(".");
      if (payload !== "" || signature === "") return "the decision is not signed";
      if (rest.by.idp !== issuer) return "the decision is signed by somebody who does not vouch for its approver";
      const { compactVerify } = await loadJose();
      const body = Buffer.from(canonicalJson(JSON.parse(JSON.stringify(rest)))).toString("base64url");
      for (const { key, alg } of await keysFor(headerOf(`${header}..`))) {
        try {
          await compactVerify(`${header}.${body}.${signature}`, key, { algorithms: [alg] });
          return null;
        } catch {
          // As above.
        }
      }
      return "the signature of the decision is wrong";
    },
  };
}

function headerOf(token: string): { readonly alg?: string; readonly kid?: string } {
  try {
    const header: unknown = JSON.parse(Buffer.from(token.slice(0, token.indexOf(".")), "base64url").toString());
    const { alg, kid } = header as { readonly alg?: unknown; readonly kid?: unknown };
    return { ...(typeof alg === "string" ? { alg } : {}), ...(typeof kid === "string" ? { kid } : {}) };
  } catch {
    return {};
  }
}

/** Claims as a decision; `readDecision` judges them. */
const decisionOf = (claims: Readonly<Record<string, unknown>>): unknown => ({
  approvalId: claims["approval"],
  fingerprint: claims["fingerprint"],
  verdict: claims["verdict"],
  by: {
    id: claims["sub"],
    idp: claims["iss"],
    ...optional("groups", claims["groups"]),
    ...optional("authTime", claims["auth_time"]),
    ...optional("acr", claims["acr"]),
  },
  at: new Date(Number(claims["iat"]) * 1000).toISOString(),
  nonce: claims["jti"],
  ...optional("reason", claims["reason"]),
  ...optional("grant", claims["grant"]),
  ...optional("emergency", claims["emergency"]),
});

const optional = (name: string, value: unknown): Readonly<Record<string, unknown>> =>
  value === undefined ? {} : { [name]: value };

async function importKeys({ keys = [], secret }: VerifyOptions): Promise<readonly Key[]> {
  const { importJWK } = await loadJose();
  const imported = await Promise.all(
    keys.map(async (jwk) => ({ alg: jwk.alg ?? "", kid: jwk.kid, key: (await importJWK(jwk)) as CryptoKey })),
  );
  return secret === undefined ? imported : [...imported, { alg: "HS256", kid: undefined, key: bytesOf(secret) }];
}

/** Of each key, a digest: with it, of whoever's signature it proves. */
function keyIdsOf({ issuer, audience = AUDIENCE, keys = [], secret }: VerifyOptions): readonly string[] {
  const idOf = (algorithm: unknown, material: string | Uint8Array): string =>
    createHmac("sha256", material)
      .update(JSON.stringify([issuer, audience, algorithm]))
      .digest("base64url");
  const publicIds = keys.map(({ alg, kty, crv, x, y, n, e }) => idOf(alg, JSON.stringify([kty, crv, x, y, n, e])));
  return secret === undefined ? publicIds : [...publicIds, idOf("HS256", bytesOf(secret))];
}

const bytesOf = (secret: string | Uint8Array): Uint8Array =>
  typeof secret === "string" ? new TextEncoder().encode(secret) : secret;

const publicKey: Shape<JWK> = {
  read(given, place) {
    const copy = isObject(given) ? { ...given } : given;
    const wrong = keyProblem(copy);
    if (wrong === null) return copy as JWK;
    (wrong.at === "" ? place : place.at(wrong.at.slice(1))).report(wrong.message);
    return undefined;
  },
};

const LEAST_SECRET = 32;

/** How the options of {@link verifyApprovals} must look. */
export const verifyShape: Shape<VerifyOptions> = also(
  object<VerifyOptions>({
    issuer: needed(text("must say who signs"), "must say who signs"),
    audience: text(),
    keys: list(publicKey, { message: "must be a list of public keys" }),
    secret: secretBytes(LEAST_SECRET),
  }),
  ({ keys = [], secret }, place) => {
    if (keys.length === 0 && secret === undefined) place.report("needs keys or a secret");
  },
);
