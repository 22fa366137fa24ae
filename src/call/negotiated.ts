import type { GuardParts, SessionState } from "../guard-parts.js";
import type { CanonicalRequest } from "../request/canonical.js";
import { withoutPieces } from "../request/pieces.js";
import { withoutGuesses } from "./conditions.js";

/**
 * The request without what would let its caller choose how a response is cut, or ask about what masking hides of it. Where nothing
 * is masked, all of that is the caller's to say.
 */
export const negotiated = (parts: GuardParts, session: SessionState, request: CanonicalRequest): CanonicalRequest =>
  parts.masker === null ? request : withoutGuesses(session, withoutPieces(request));
