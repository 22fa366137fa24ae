import type { RestoredValue } from "../masking/index.js";
import type { CanonicalRequest } from "../request/canonical.js";
import type { FetchSettings } from "../request/fetch-rules.js";

/** A request's form, and its body as far as it had to be read. */
export interface RequestForm {
  readonly request: CanonicalRequest;
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

/**
 * One request about to be sent, in two forms. The first is what is judged and what is sent, byte for byte, with the values
 * behind placeholders. The second is what approvers, errors, the record and the caller are told of it. Where the request
 * holds no placeholder they are the same.
 */
export interface Hop extends RequestForm {
  readonly settings: FetchSettings;
  readonly told: RequestForm;
  /** What the request holds that is not told. */
  readonly values: readonly RestoredValue[];
}

/** A hop whose bytes will not change any more. */
export type FrozenHop = Hop & FrozenForm & { readonly told: FrozenForm };

/** A form with a body that does not flow. */
export type FrozenForm = RequestForm & { readonly body: Uint8Array | null };

export const NO_VALUES: readonly RestoredValue[] = Object.freeze([]);

/** The hop as one with bytes. @throws TypeError for a body that flows, which nobody has read. */
export function frozenHop(hop: Hop): FrozenHop {
  const { request, body, told } = hop;
  if (body instanceof ReadableStream || told.body instanceof ReadableStream)
    throw new TypeError("a stream has no fingerprint");
  return { ...hop, request, body, told: { request: told.request, body: told.body } };
}
