import type { Answer, Arrived, Lab } from "./lab.js";

export type Fetch = typeof globalThis.fetch;

/** Something a program does with fetch. What it returns is what it can see. */
export interface Operation {
  readonly name: string;
  readonly answer?: Answer;
  run(fetch: Fetch, lab: Lab): Promise<unknown>;
}

/** All that could be observed of an operation: its result or its error, and what reached the server. */
export interface Observation {
  readonly result?: unknown;
  readonly error?: unknown;
  readonly arrived: readonly Arrived[];
}

/** Whether a connection is used again is the guard's to say, and servers respond accordingly. */
const HOP_BY_HOP = ["connection", "keep-alive"];

/** Everything about a response but its body. */
export function facts(response: Response): Record<string, unknown> {
  return {
    isResponse: Object.prototype.toString.call(response),
    status: response.status,
    statusText: response.statusText,
    ok: response.ok,
    type: response.type,
    redirected: response.redirected,
    url: response.url,
    headers: [...response.headers].filter(([name]) => !["date", ...HOP_BY_HOP].includes(name)),
    cookies: response.headers.getSetCookie(),
    bodyUsed: response.bodyUsed,
  };
}

/** A response with its whole body, as bytes. */
export async function whole(response: Response): Promise<unknown> {
  const before = facts(response);
  const hasBody = response.body !== null;
  const bytes = Buffer.from(await response.arrayBuffer()).toString("latin1");
  return { ...before, hasBody, bytes, usedAfter: response.bodyUsed };
}

/** Messages that are part of what fetch does; all others are the platform's words, and change with its version. */
const SETTLED = new Set(["fetch failed", "terminated"]);

/** What of an error a program can rely on. */
export function errorFacts(error: unknown, depth = 0): unknown {
  if (!(error instanceof Error) && Object.prototype.toString.call(error) !== "[object DOMException]") return error;
  const { name, message, code, cause } = error as Error & { code?: unknown };
  const isOurs = typeof code === "string" && name.endsWith("Error") && "toProblem" in (error as object);
  return {
    name,
    isTypeError: error instanceof TypeError,
    ...(SETTLED.has(message) ? { message } : {}),
    ...(code === undefined ? {} : { code }),
    ...(isOurs ? { isOurs } : {}),
    ...(cause === undefined || depth > 2 ? {} : { cause: errorFacts(cause, depth + 1) }),
  };
}

/** The guard says who it is, unless the caller does; a fetch says its own name too. */
const NOT_COMPARED = { "user-agent": undefined, connection: undefined };

/** Runs an operation with one fetch. */
export async function observe(operation: Operation, fetch: Fetch, lab: Lab, answer: Answer): Promise<Observation> {
  lab.reset(operation.answer ?? answer);
  let outcome: { result: unknown } | { error: unknown };
  try {
    outcome = { result: await operation.run(fetch, lab) };
  } catch (error) {
    outcome = { error: errorFacts(error) };
  }
  const arrived = lab.arrived.map((one) => ({ ...one, headers: { ...one.headers, ...NOT_COMPARED } }));
  return JSON.parse(lab.neutral(JSON.stringify({ ...outcome, arrived }))) as Observation;
}
