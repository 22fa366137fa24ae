import type { Client } from "./client.js";
import { GuardError } from "./errors.js";
import { ambientSession, type Session } from "./session.js";

/**
 * The fetch of the session whose `run` is executing. Needs no plumbing through tools and frameworks.
 *
 * @throws GuardError `NO_SESSION` outside any session: it never falls back to an unguarded fetch.
 */
export const guardedFetch: typeof globalThis.fetch = Object.assign(
  async (input: string | URL | Request, init?: RequestInit): Promise<Response> => requireSession().fetch(input, init),
  { Response },
);

/**
 * The client of a service for the session whose `run` is executing.
 *
 * @throws GuardError `NO_SESSION` outside any session.
 */
export const createClient = <Paths extends object>(service: string): Client<Paths> =>
  requireSession().client<Paths>(service);

function requireSession(): Session {
  const session = ambientSession();
  if (session === undefined) throw new GuardError("NO_SESSION");
  return session;
}
