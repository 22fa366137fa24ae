import type { GuardParts, SessionState } from "../guard-parts.js";
import { restoreRequest } from "../masking/index.js";
import { mayHoldPlaceholder } from "../masking/placeholders/placeholder.js";
import { PlaceholderRefused } from "../masking/placeholders/refusal.js";
import type { Policy } from "../policy/index.js";
import { type CanonicalRequest, canonicaliseRequest } from "../request/canonical.js";
import { holdsOnlyData, type PathProtocol } from "../request/protocols/value-places.js";
import { type Refusal, refuse } from "../request/refusal.js";
import { type Hop, NO_VALUES, type RequestForm } from "./hop.js";

/**
 * The hop that is judged and sent for a request as the agent wrote it: with the values behind its placeholders, brought into
 * canonical form like any request. Or why there is none; a refusal never says anything of a value.
 */
export function putValuesBack(
  parts: GuardParts,
  { vault }: SessionState,
  asked: RequestForm,
  settings: Hop["settings"],
): Hop | Refusal {
  const { request, body } = asked;
  if (vault === null) return { request, body, settings, asked, told: asked, values: NO_VALUES };
  const { declaredBody, origin, headers } = request;
  const contentType = declaredBody.kind === "opaque" ? null : declaredBody.mediaType;
  try {
    const written = { origin, path: request.path + request.search, headers, contentType, body };
    const restored = restoreRequest(vault, written, parts.placeholders?.fields);
    if (restored.values.length === 0) {
      const checked = { request, body: restored.body };
      return { ...checked, settings, asked: checked, told: checked, values: NO_VALUES };
    }
    if (!isPrivate(request)) throw new PlaceholderRefused("clear");
    // What is left out below would never be compared with anything.
    if (body instanceof Uint8Array && (request.declaredLength ?? body.byteLength) !== body.byteLength)
      return refuse("HEADER_REFUSED", "the content-length is not that of the body");
    const real = canonicaliseRequest({ method: request.method, url: origin + restored.path, headers });
    if (!real.ok) return real;
    return {
      request: real,
      body: restored.body,
      settings: { ...settings, streamLength: null },
      asked,
      told: asked,
      values: restored.values,
    };
  } catch (error) {
    if (error instanceof PlaceholderRefused) return refuse("PLACEHOLDER_UNRESOLVED", error.reason);
    throw error;
  }
}

/** Only the agent may use a placeholder: one that a service has written leads nowhere. */
export const misplacedInLocation = ({ vault }: SessionState, location: string): Refusal | null =>
  vault !== null && mayHoldPlaceholder(location)
    ? refuse("PLACEHOLDER_UNRESOLVED", "a placeholder stands in what the service wrote")
    : null;

/** In the clear a value would be everybody's on the way. */
const isPrivate = ({ scheme, host }: CanonicalRequest): boolean =>
  scheme === "https" || /^(?:localhost|127\.[0-9.]+|\[::1\])$/.test(host);

/**
 * What is wrong, under the policy in force, with where the values stand; null for nothing. Asked with each judgement: another
 * policy may say that the same path takes operations, or an envelope.
 */
export function misplacedValue({ policy }: Pick<GuardParts, "policy">, { request, values }: Hop): Refusal | null {
  if (values.length === 0) return null;
  const protocol = protocolAt(policy(), request);
  return values.every(({ place }) => holdsOnlyData(protocol, place))
    ? null
    : refuse("PLACEHOLDER_UNRESOLVED", "a placeholder stands where it would say what is done, or where");
}

function protocolAt(policy: Policy, request: CanonicalRequest): PathProtocol {
  const endpoint = policy.serviceOf(request)?.endpoints.find(request);
  if (endpoint === undefined) return "http";
  // Another spelling of an endpoint: no such request is permitted.
  if ("ok" in endpoint) return "envelope";
  return endpoint.kind === "envelope" ? "envelope" : endpoint.protocol;
}
