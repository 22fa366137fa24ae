/** The part of fetch that is needed here. */
export type PlainFetch = (
  url: string,
  init: {
    readonly method: string;
    readonly headers: Record<string, string>;
    readonly body?: string;
    readonly redirect: "manual";
    readonly signal: AbortSignal;
  },
) => Promise<Response>;

/** One request to a server that may be slow, huge or hostile. */
export interface BoundedRequest {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly signal: AbortSignal;
  /** For the whole exchange, the last byte of the body included. Milliseconds. */
  readonly timeoutMs: number;
  /** Of the decoded body: a small compressed answer may unfold to gigabytes. */
  readonly maxBytes: number;
  readonly fetch: PlainFetch;
}

/** A complete answer, never larger than was allowed. */
export interface BoundedAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** Why there is no answer. `address`: it is one that may not be connected to. */
export type FetchFaultReason = "aborted" | "timeout" | "unreachable" | "redirect" | "too_large" | "address";

/** Carries a reason and a system code such as `ECONNREFUSED`; never the request, the answer, or another error. */
export class FetchFault extends Error {
  override readonly name: string = "FetchFault";
  readonly reason: FetchFaultReason;
  constructor(reason: FetchFaultReason, detail?: string) {
    super(detail === undefined ? reason : `${reason} (${detail})`);
    this.reason = reason;
  }
}

/**
 * Fetches with a time limit, a size limit and no redirects. A redirect is a fault and not followed: the place it names
 * was chosen by the answer, not by the operator (SSRF through metadata, RFC 9728 §7.7).
 */
export async function fetchBounded(url: string, request: BoundedRequest): Promise<BoundedAnswer> {
  const timeout = AbortSignal.timeout(request.timeoutMs);
  try {
    const response = await request.fetch(url, {
      method: request.method ?? "GET",
      headers: { ...request.headers },
      ...(request.body === undefined ? {} : { body: request.body }),
      redirect: "manual",
      signal: AbortSignal.any([request.signal, timeout]),
    });
    if (response.status >= 300 && response.status < 400) {
      await response.body?.cancel();
      throw new FetchFault("redirect", String(response.status));
    }
    return { status: response.status, headers: response.headers, bytes: await readBounded(response, request.maxBytes) };
  } catch (error) {
    if (error instanceof FetchFault) throw error;
    if (request.signal.aborted) throw new FetchFault("aborted");
    if (timeout.aborted) throw new FetchFault("timeout", `${request.timeoutMs} ms`);
    const code = systemCode(error);
    throw new FetchFault(code === "ADDRESS_REFUSED" ? "address" : "unreachable", code);
  }
}

async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  if (response.body !== null) {
    // Leaving the loop by a throw cancels the stream and with it the socket.
    for await (const chunk of response.body) {
      size += chunk.byteLength;
      if (size > maxBytes) throw new FetchFault("too_large", `more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** Only the code: the message of a network error may quote a header that could not be sent. */
function systemCode(error: unknown): string | undefined {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 4; depth++) {
    const { code, cause } = at as { code?: unknown; cause?: unknown };
    if (typeof code === "string" && /^[A-Z][A-Z0-9_]{1,40}$/.test(code)) return code;
    at = cause;
  }
  return undefined;
}
