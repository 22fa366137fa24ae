import type { AuthorizationDetail, Credential } from "../broker/index.js";
import { isGuardError } from "../errors/guard-error.js";
import type { GuardParts, SessionState } from "../guard-parts.js";
import type { Decision } from "../policy/index.js";
import type { Exchange } from "./exchange.js";
import { frozenHop, type Hop } from "./hop.js";
import { fingerprintFor } from "./request-approval.js";

/** A hop, and the decision that lets it pass. */
type Judged = Hop & { readonly decision: Decision };

/** A credential for exactly this decision, bound to the origin it is about to be sent to. */
export async function authorise(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  hop: Judged,
  signal: AbortSignal,
): Promise<Credential | null> {
  const { request, decision } = hop;
  const { service = "", obligations } = decision;
  const { credential, audience, scopes, optionalScopes, authorizationDetails } = obligations;
  if (credential === undefined) return null;
  const askedAt = parts.clock.monotonic();
  const authorised = await parts.broker.authorise(
    {
      credential,
      service,
      origins: [request.origin],
      session: session.brokerSession,
      ...(audience === undefined ? undefined : { audience }),
      ...(scopes === undefined ? undefined : { scopes }),
      ...(optionalScopes === undefined ? undefined : { optionalScopes }),
      ...(authorizationDetails === undefined
        ? undefined
        : {
            authorizationDetails: filledIn(authorizationDetails, () =>
              fingerprintFor(parts, session, frozenHop(hop), decision),
            ),
          }),
    },
    { signal },
  );
  exchange.noteTiming("token_ms", parts.clock.monotonic() - askedAt);
  return authorised;
}

/** A fault of the authorization server leaves the caller with what the service answered; the end of the session does not. */
export async function anotherCredential(
  parts: GuardParts,
  session: SessionState,
  exchange: Exchange,
  hop: Judged,
  signal: AbortSignal,
): Promise<Credential | null> {
  try {
    return await authorise(parts, session, exchange, hop, signal);
  } catch (error) {
    signal.throwIfAborted();
    session.assertOpen();
    if (isGuardError(error)) return null;
    throw error;
  }
}

const FINGERPRINT = "{fingerprint}";

/** Whether a decision's credential is for one request only. */
export const needsFingerprint = ({ obligations }: Decision): boolean =>
  obligations.authorizationDetails !== undefined &&
  JSON.stringify(obligations.authorizationDetails).includes(`"${FINGERPRINT}"`);

function filledIn(details: readonly AuthorizationDetail[], fingerprint: () => string): readonly AuthorizationDetail[] {
  return JSON.parse(JSON.stringify(details), (_key, value: unknown) => (value === FINGERPRINT ? fingerprint() : value));
}
