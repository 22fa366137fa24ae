import { onTestFinished } from "vitest";
import { staticSecret } from "../../../src/broker/index.js";
import { findGuardError, type GuardOptions, type PolicyDocument } from "../../../src/index.js";
import { loopbackPolicy, type TestGuard, testGuard } from "../../support/guards.js";
import { startUpstream, type Upstream } from "../../support/upstream.js";

export const TOKEN = "the-token-that-a-service-would-like-to-pass-on";
export const CARD = "4111 1111 1111 1111";
export const MAIL = "jane.doe@example.com";

/** What a service says in response. */
export interface Reply {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body: string | Uint8Array;
  /** Without it the body comes in chunks, and flows; with it, it is there before the caller gets the response. */
  readonly sized?: boolean;
}

export interface Attacked extends TestGuard {
  readonly api: Upstream;
}

interface Setting {
  readonly service?: Partial<PolicyDocument["services"][string]>;
  readonly rule?: Partial<PolicyDocument["rules"][number]>;
  readonly options?: Partial<GuardOptions>;
  /** Default true: the service is sent a bearer token. */
  readonly credential?: boolean;
}

/** A real service on loopback that says what `reply` holds at the moment, and a guard before it. */
export async function attacked(reply: () => Reply, setting: Setting = {}): Promise<Attacked> {
  const api = await startUpstream((_request, response) => {
    const { status = 200, headers = {}, body, sized = false } = reply();
    const bytes = Buffer.from(body as Uint8Array);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value as string);
    response.statusCode = status;
    if (sized) response.setHeader("content-length", bytes.length);
    response.end(bytes);
  });
  onTestFinished(() => api.close());
  const { service, rule, options, credential = true } = setting;
  const guard = await testGuard({
    policy: loopbackPolicy(
      api.origin,
      [{ id: "all", effect: "allow", service: "api", methods: ["*"], path: "/**", ...rule }],
      { ...(credential ? { credential: "crm" } : {}), ...service },
    ),
    ...(credential ? { credentials: { crm: staticSecret({ scheme: "bearer", secret: TOKEN }) } } : {}),
    ...options,
  });
  return { ...guard, api };
}

/** What came of a call: the body as bytes and the response, or the code of a refusal. */
export async function outcome(
  { session, api }: Attacked,
  init?: RequestInit,
): Promise<{ readonly response: Response; readonly bytes: Buffer } | string> {
  try {
    const response = await session.fetch(`${api.origin}/x`, init);
    return { response, bytes: Buffer.from(await response.arrayBuffer()) };
  } catch (error) {
    return findGuardError(error)?.code ?? String(error);
  }
}

/** The text that the caller could read, or the code of a refusal. */
export async function textOf(target: Attacked, init?: RequestInit): Promise<string> {
  const seen = await outcome(target, init);
  return typeof seen === "string" ? seen : seen.bytes.toString();
}
