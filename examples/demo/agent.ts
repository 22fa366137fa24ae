import type { GuardError } from "sallyport";
import { findGuardError } from "sallyport";
import type { Eyes } from "./eyes.js";

/** How a call ended, as agent code sees it. */
export type Outcome =
  | { readonly kind: "answer"; readonly status: number; readonly body: unknown }
  | { readonly kind: "refused"; readonly error: GuardError };

/** The scripted agent: it has a fetch, and nothing else. */
export interface DemoAgent {
  /** Sends JSON, and reads JSON. Whatever comes of it, the agent has seen it. */
  call(method: string, path: string, body?: object): Promise<Outcome>;
  /** The same with fetch's own options, for an agent that plays tricks with them. */
  send(path: string, init: RequestInit): Promise<Outcome>;
}

/** An agent that can do no more than call `fetch`. */
export function createAgent(
  fetch: typeof globalThis.fetch,
  origin: string,
  eyes: Eyes,
  signal: AbortSignal,
): DemoAgent {
  const send = async (path: string, init: RequestInit): Promise<Outcome> => {
    try {
      const response = await fetch(`${origin}${path}`, init);
      const text = await response.text();
      eyes.see(response);
      eyes.see([...response.headers]);
      eyes.see(text);
      return { kind: "answer", status: response.status, body: text === "" ? null : JSON.parse(text) };
    } catch (error) {
      signal.throwIfAborted();
      eyes.see(error);
      const refusal = findGuardError(error);
      if (refusal === undefined) throw error;
      eyes.see(refusal.toModelText());
      eyes.see(refusal.toProblem());
      return { kind: "refused", error: refusal };
    }
  };
  return {
    send,
    call: (method, path, body) =>
      send(path, {
        method,
        signal,
        ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
      }),
  };
}
