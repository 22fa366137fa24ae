import type { Credential } from "../broker/index.js";
import { DeniedError } from "../errors/guard-error.js";
import type { GuardParts } from "../guard-parts.js";
import { addDefaultHeaders } from "../request/fetch-rules.js";
import { targetOf } from "../request/target.js";
import type { HopRequest } from "../transport/index.js";
import type { Hop } from "./hop.js";

/** The judged form as it goes on the wire, with the credential and a proof that is good for this one sending. */
export async function wireForm(
  parts: GuardParts,
  { request, body, settings, told }: Hop,
  credential: Credential | null,
  objection: HopRequest["objection"],
  redact: HopRequest["redact"],
): Promise<HopRequest> {
  const service = parts.policy().serviceOf(request);
  if (service === undefined) throw new DeniedError("NO_SERVICE", { target: targetOf(told.request) });
  const added = credential === null ? null : await credential.addedFor(request);
  const headers = request.headers.filter(([name]) => added?.names.includes(name) !== true);
  addDefaultHeaders(headers, request.headers, settings, parts.transport.codings[request.scheme]);
  if (body !== null && settings.streamLength !== null) headers.push(["content-length", settings.streamLength]);
  const { method, origin } = request;
  const { url } = told.request; // for errors
  const path = request.path + request.search;
  const { name, addresses, reuse } = service;
  // Put down whole: spreads here cost more than all the rest of it.
  return added === null
    ? { method, url, origin, path, headers, body, service: name, addresses, reuse, objection, redact }
    : { method, url, origin, path, headers, added, body, service: name, addresses, reuse, objection, redact };
}
