import createOpenApiClient, { type Client as OpenApiClient, type PathSerializer } from "openapi-fetch";
import { DeniedError } from "../errors/guard-error.js";
import type { Policy } from "../policy/index.js";
import { canonicalUrl } from "../request/url.js";

/** An openapi-fetch client: `client.GET("/accounts/{id}", { params: { path: { id } } })`, typed by your `paths`. */
export type Client<Paths extends object> = OpenApiClient<Paths>;

/**
 * Makes the client of a service: its base URL is the service's one origin in the policy.
 *
 * @throws DeniedError `NO_SERVICE` when the policy has no such service; TypeError when it has no single origin.
 */
export function createSessionClient<Paths extends object>(
  policy: Policy,
  service: string,
  fetch: typeof globalThis.fetch,
): Client<Paths> {
  if (typeof service !== "string") throw new TypeError('"service" must be the name of a service of the policy');
  const document = Object.hasOwn(policy.document.services, service) ? policy.document.services[service] : undefined;
  const [origin, ...others] = document?.origins ?? [];
  if (document === undefined)
    throw new DeniedError("NO_SERVICE", { message: `The policy has no service "${service}".` });
  if (origin === undefined || others.length > 0 || origin.includes("*") || origin === "public-web") {
    throw new TypeError(
      `the service "${service}" has no single origin, so it has no base URL: use fetch with a full URL`,
    );
  }
  return createOpenApiClient<Paths>({ baseUrl: origin, fetch, pathSerializer: fillPath, Request: ClientRequest });
}

/** Fills in path parameters so that each stays one segment; only the caller's own properties count. */
const fillPath: PathSerializer = (path, params) =>
  path.replace(/\{([^{}]+)\}/g, (placeholder, name: string) => {
    const value: unknown = Object.hasOwn(params, name) ? params[name] : undefined;
    if (value === undefined || value === null || typeof value === "object" || typeof value === "function")
      return placeholder;
    const text = String(value);
    if (text === "") throw new DeniedError("URL_INVALID", { message: `The path parameter {${name}} is empty.` });
    return encodeURIComponent(text);
  });

/**
 * Looks at the URL before the platform's parser does: `encodeURIComponent` leaves dots alone, the parser then collapses
 * `/accounts/../notes`, and a `{placeholder}` nobody filled in would be sent as data.
 */
class ClientRequest extends Request {
  constructor(input: RequestInfo | URL, init?: RequestInit) {
    const url = String(input);
    if (/[{}]/.test(url.split("?", 1)[0] ?? "")) {
      throw new DeniedError("URL_INVALID", { message: "A path parameter is missing, or is not a plain value." });
    }
    const canonical = canonicalUrl(url);
    if (!canonical.ok) throw new DeniedError(canonical.code, { modelReason: canonical.reason });
    super(input, init);
  }
}
