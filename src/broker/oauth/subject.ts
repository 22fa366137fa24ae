import { CredentialError } from "../credential-error.js";
import { revealed, type Secret } from "../secret.js";
import { readJwt } from "./jose.js";
import { type SecretSource, type SecretSupplier, secretSupplier } from "./suppliers.js";

/** A token that says on whose behalf something is asked, and what it says of itself where that can be read. */
export interface SubjectToken {
  readonly secret: Secret;
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** How long it still lasts, where that can be read. Milliseconds. */
  readonly expiresInMs: number | undefined;
}

/** What must hold of a subject token before it is sent. */
export interface SubjectChecks {
  /** Whom it must be for; one of several is enough. */
  readonly audience: readonly string[] | undefined;
  readonly nowMs: number;
}

/** Clocks of two machines in order differ by so much. */
const TOLERANCE_MS = 5_000;

/**
 * Looks at a subject token before it leaves: one that is over, not yet good, or for somebody else is not sent, where that
 * can be seen. What cannot be read is for the authorization server to judge.
 */
export function readSubject(secret: Secret, { audience, nowMs }: SubjectChecks): SubjectToken {
  const claims = readJwt(revealed(secret))?.claims;
  const { exp, nbf, aud } = claims ?? {};
  const expiresInMs = typeof exp === "number" ? Math.floor(exp * 1000 - nowMs) : undefined;
  if (expiresInMs !== undefined && expiresInMs <= 0) throw subjectRejected("has expired");
  if (typeof nbf === "number" && nbf * 1000 > nowMs + TOLERANCE_MS) throw subjectRejected("is not good yet");
  if (claims !== undefined && audience !== undefined && ![aud].flat().some((name) => audience.includes(String(name)))) {
    throw subjectRejected("is for another audience");
  }
  return { secret, claims, expiresInMs };
}

/** Who is about to act: the `sub` of the actor, and its issuer where there is an actor token. */
export interface Actor {
  readonly sub: string;
  readonly iss?: string;
}

/**
 * Refuses before anything is sent (RFC 8693 §4.1, §4.4): a chain of actors that is too long, or a token whose `may_act`
 * names somebody else. Only the outermost actor decides; those inside are counted and nothing more.
 */
export function checkActors(subject: SubjectToken, actor: Actor | undefined, further: number, maxActors: number): void {
  const { claims } = subject;
  if (chainLength(claims?.["act"]) + 1 + further > maxActors) {
    throw subjectRejected(`has been handed on too often: at most ${maxActors} may act`);
  }
  const mayAct = claims?.["may_act"];
  if (mayAct === undefined) return;
  const allowed = typeof mayAct === "object" && mayAct !== null ? (mayAct as Readonly<Record<string, unknown>>) : {};
  const named = actor !== undefined && allowed["sub"] === actor.sub;
  if (!named || (allowed["iss"] !== undefined && allowed["iss"] !== actor.iss)) {
    throw subjectRejected('names in "may_act" somebody else');
  }
}

const MAX_DEPTH = 100;

function chainLength(act: unknown): number {
  let length = 0;
  for (let at = act; typeof at === "object" && at !== null && length < MAX_DEPTH; length++) {
    at = (at as { act?: unknown }).act;
  }
  return length;
}

/** A client assertion that a platform issued, fit to be presented: one that is over is not sent. */
export async function readClientAssertion(supplier: SecretSupplier, clientId: string, nowMs: number): Promise<string> {
  const assertion = revealed(await supplier.read());
  const exp = readJwt(assertion)?.claims["exp"];
  if (typeof exp !== "number" || exp * 1000 > nowMs) return assertion;
  throw new CredentialError("unreachable", {
    message: `The client assertion of ${clientId} has expired, and no newer one is there yet.`,
  });
}

export const subjectRejected = (what: string): CredentialError =>
  new CredentialError("subject_rejected", { message: `The subject token ${what}.` });

/**
 * Reads a subject token anew for every exchange, so that a rotated file (a Kubernetes projected token) is picked up. A
 * file that is missing for a moment, as while it is being replaced, is bridged with the last token as long as that lasts;
 * one that is empty is an error.
 */
export function subjectSupplier(source: SecretSource, what: string = "the subject token"): SecretSupplier {
  const supplier = secretSupplier(source, what);
  let last: Secret | undefined;
  return {
    known: supplier.known,
    async read() {
      try {
        last = await supplier.read();
        return last;
      } catch (error) {
        const exp = last === undefined ? undefined : readJwt(revealed(last))?.claims["exp"];
        const bridged = supplier.isMissing() && typeof exp === "number" && exp * 1000 > Date.now();
        if (last === undefined || !bridged) throw error;
        return last;
      }
    },
    isMissing: supplier.isMissing,
  };
}
