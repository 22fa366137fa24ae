import type { RestoredValue } from "../masking/index.js";
import type { CanonicalRequest } from "../request/canonical.js";
import type { FetchSettings } from "../request/fetch-rules.js";

/** A request's form, and its body as far as it had to be read. */
export interface RequestForm {
  readonly request: CanonicalRequest;
  readonly body: Uint8Array | ReadableStream<Uint8Array> | null;
}

/**
 * One request about to be sent: what is judged and what is sent, byte for byte, with the values behind placeholders. Where it
 * holds no placeholder, and no redirect has led to it, its other forms are the same.
 */
export interface Hop extends RequestForm {
  readonly settings: FetchSettings;
  /** As it was asked for, with placeholders: what a fingerprint covers, and where a redirect sets out from. */
  readonly asked: RequestForm;
  /** What approvers, errors, the record and the caller are told of it: as asked, with what a service wrote masked. */
  readonly told: RequestForm;
  /** What the request holds that is not told. */
  readonly values: readonly RestoredValue[];
}

/** A hop whose bytes will not change any more. */
export type FrozenHop = Hop & FrozenForm & { readonly asked: FrozenForm; readonly told: FrozenForm };

/** A form with a body that does not flow. */
export type FrozenForm = RequestForm & { readonly body: Uint8Array | null };

export const NO_VALUES: readonly RestoredValue[] = Object.freeze([]);

/** The hop as one with bytes, in place of a body that flows: such a body holds no value, and is told as it is. */
export function frozenHop(hop: Hop, read?: Uint8Array): FrozenHop {
  const frozen = ({ request, body }: RequestForm): FrozenForm => {
    if (!(body instanceof ReadableStream)) return { request, body };
    if (read === undefined) throw new TypeError("a stream has no fingerprint");
    return { request, body: read };
  };
  return { ...hop, ...frozen(hop), asked: frozen(hop.asked), told: frozen(hop.told) };
}

/** The hop with the body that can still be sent, where it flows. */
export function withBody(hop: Hop, body: Hop["body"]): Hop {
  if (!(body instanceof ReadableStream)) return hop;
  return { ...hop, body, asked: { request: hop.asked.request, body }, told: { request: hop.told.request, body } };
}
