import { GuardError } from "../errors/guard-error.js";
import { ambientSession, type Session } from "../session.js";
import type { Client } from "./create-client.js";
import { asFetch } from "./guarded-function.js";

/**
 * The fetch of the session whose `run` is executing. Needs no plumbing through tools and frameworks.
 *
 * @throws GuardError `NO_SESSION` outside any session: it never falls back to an unguarded fetch.
 */
export const guardedFetch: typeof globalThis.fetch = asFetch(async (input, init) =>
  requireSession().fetch(input as string | URL | Request, init as RequestInit | undefined),
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
