/** Default for how long a credential is used, whatever its issuer says. Milliseconds. */
export const DEFAULT_MAX_LIFETIME_MS: number = 15 * 60_000;

/** A credential of unknown lifetime is used this long. Milliseconds. */
export const UNKNOWN_LIFETIME_MS: number = 60_000;

/** When a credential is renewed and when it ends, on the monotonic clock. */
export interface LifetimePlan {
  /** From here on it is still handed out, and a new one is fetched meanwhile. */
  readonly softAt: number;
  /** From here on callers wait for the new one. */
  readonly hardAt: number;
  /** From here on it is on no wire. */
  readonly deadAt: number;
}

/**
 * Plans a lifetime from the moment the credential was *asked for*: its clock at the issuer started somewhere between
 * question and answer. The soft point is spread over 70–85 % of the lifetime, so that credentials issued together are
 * not renewed together; the hard point leaves 10 % or ten seconds, whichever is less, so that a one-minute token is
 * renewed once a minute and not with every call.
 */
export function planLifetime(requestedAt: number, lifetimeMs: number, random: number): LifetimePlan {
  return {
    softAt: requestedAt + lifetimeMs * (0.7 + 0.15 * random),
    hardAt: requestedAt + lifetimeMs - Math.min(10_000, lifetimeMs * 0.1),
    deadAt: requestedAt + lifetimeMs,
  };
}

/** What is known of a token's end. Seconds, as in the protocol. */
export interface StatedLifetime {
  /** `expires_in` as it was in the JSON, of whatever type. */
  readonly expiresIn: unknown;
  /** `iat` and `exp` where the token is a readable JWT. */
  readonly iat?: unknown;
  readonly exp?: unknown;
}

/** Clocks of two machines in order differ by so much. Milliseconds. */
export const ALLOWED_SKEW_MS: number = 5_000;

/** `over`: it had ended when it arrived. `none`: what is stated is no lifetime. */
export type LifetimeReading = number | "over" | "none";

/**
 * The lifetime in milliseconds. The shortest statement wins: `expires_in`, the JWT's own, `maxMs`. `exp` is compared with
 * the JWT's own `iat` first, since both were read off the issuer's clock; `nowMs` (epoch) stands in only where nothing else
 * is known. But whatever else is stated: with `expires_in` of nothing or less, or an `exp` that has passed by more than
 * {@link ALLOWED_SKEW_MS}, it is over.
 */
export function statedLifetimeMs(stated: StatedLifetime, maxMs: number, nowMs: number): LifetimeReading {
  const { expiresIn, iat, exp } = stated;
  const statements = [maxMs];
  if (typeof exp === "number" && exp * 1000 + ALLOWED_SKEW_MS <= nowMs) return "over";
  if (expiresIn !== undefined) {
    const seconds = typeof expiresIn === "string" && /^-?\d{1,15}$/.test(expiresIn) ? Number(expiresIn) : expiresIn;
    if (typeof seconds !== "number" || Number.isNaN(seconds) || seconds === Number.POSITIVE_INFINITY) return "none";
    if (seconds <= 0) return "over";
    statements.push(seconds * 1000);
  }
  if (typeof exp === "number" && Number.isFinite(exp)) {
    if (typeof iat === "number" && Number.isFinite(iat)) statements.push((exp - iat) * 1000);
    if (expiresIn === undefined || typeof iat !== "number") statements.push(exp * 1000 - nowMs);
  } else if (expiresIn === undefined) {
    statements.push(UNKNOWN_LIFETIME_MS);
  }
  return Math.max(0, Math.floor(Math.min(...statements)));
}
