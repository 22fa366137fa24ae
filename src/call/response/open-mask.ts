import { GuardError } from "../../errors/guard-error.js";
import type { GuardParts, SessionState } from "../../guard-parts.js";
import { isKnownBinary } from "../../masking/binary-types.js";
import { isMaskable, type MaskingPass, type Mint } from "../../masking/index.js";
import type { KnownSecrets } from "../../masking/known/known-secrets.js";
import type { Decision } from "../../policy/index.js";
import { parseMediaType } from "../../request/body/media-type.js";
import type { CanonicalRequest } from "../../request/canonical.js";
import { headerValues } from "../../request/headers.js";
import { targetOf } from "../../request/target.js";
import type { HopResponse } from "../../transport/index.js";

/** Whose response is masked, and what for. */
export interface Masked {
  readonly request: CanonicalRequest;
  readonly decision: Decision;
  readonly answer: HopResponse;
}

/**
 * A masking pass for this response; null where nothing of it is looked for. A response that does not say what it is, or says
 * something that nobody knows, is masked as text: neither must be a way around the mask.
 *
 * @throws GuardError `MEDIA_REFUSED` where it would have to be masked and cannot.
 */
export function openMask(
  parts: GuardParts,
  { vault }: SessionState,
  { request, decision, answer }: Masked,
  secrets: KnownSecrets,
): MaskingPass | null {
  if (parts.masker === null || answer.body === null) return null;
  if (isPiece(answer)) throw withheld(request, PIECE);
  const declared = headerValues(answer.headers, "content-type")[0] ?? TEXT;
  if (isUnreadableText(declared)) throw withheld(request, CHARSET);
  const contentType = isMaskable(declared) || isBinary(declared) ? declared : TEXT;
  if (answer.coding === "unknown" || !isMaskable(contentType)) {
    if (parts.unmaskable === "refuse") throw withheld(request);
    return parts.masker.openOpaque(secrets);
  }
  const mint: Mint | undefined = vault === null ? undefined : (kind, value) => vault.mint(kind, value, request.origin);
  const { mask: paths } = decision.obligations;
  const { unmaskable } = parts;
  return parts.masker.open({ contentType, paths, secrets, unmaskable, ...(mint === undefined ? undefined : { mint }) });
}

const TEXT = "text/plain";

const isBinary = (contentType: string): boolean => {
  const parsed = parseMediaType(contentType);
  return parsed !== null && isKnownBinary(parsed.essence);
};

/**
 * Whether a response names a character set that the detectors do not read: in UTF-16 or UTF-7 they find neither a card number
 * nor the guard's own credential.
 */
const isUnreadableText = (contentType: string): boolean =>
  !isMaskable(contentType) && /;\s*charset\s*=/i.test(contentType) && !isBinary(contentType);

const CHARSET = {
  message: "The response is in a character set that cannot be masked. Ask the service for UTF-8.",
  modelReason: "the response is in a character set that cannot be masked",
} as const;

/** 206 Partial Content (RFC 9110 section 15.3.7), and 226 IM Used (RFC 3229), whose body may be a piece or a difference. */
const PIECES: ReadonlySet<number> = new Set([206, 226]);

/**
 * Whether a response is a piece of another, asked for or not: what is looked for may be cut at its ends, and whoever says where
 * a piece ends can have a value cut into pieces that no detector finds. A `content-range` of a 416 tells how long the whole is.
 */
const isPiece = ({ status, headers }: HopResponse): boolean =>
  PIECES.has(status) ||
  (status !== 416 && headerValues(headers, "content-range").length > 0) ||
  headerValues(headers, "content-type").some((value) => /multipart\/byteranges/i.test(value));

const PIECE = {
  message: "A piece of a response cannot be masked: what is looked for may be cut at its ends.",
  modelReason: "a piece of a response cannot be masked; ask for the whole, without a range",
} as const;

const withheld = (
  request: CanonicalRequest,
  reason?: { readonly message: string; readonly modelReason: string },
): GuardError => new GuardError("MEDIA_REFUSED", { ...reason, target: targetOf(request), sent: true });
