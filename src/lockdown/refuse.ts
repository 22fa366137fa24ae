import { GuardError } from "../errors/guard-error.js";

/** What code gets that goes past the guard: it names what was tried and both ways to make it right. */
export const refusal = (what: string, fix: string): GuardError =>
  new GuardError("LOCKDOWN_REFUSED", {
    message: `${what} was refused: sallyport/lockdown lets nothing reach the network beside the guard. ${fix}`,
    modelReason: "code tried to reach the network beside the guard",
    sent: false,
  });

/** The fix for a place: the guard for services, the list for databases and the like. */
export const fixFor = (entry: string): string =>
  `For a service, use session.fetch (or guardedFetch; axios needs adapter: "fetch" and env: { fetch: session.fetch }). ` +
  `For a database or a collector, add "${entry}" to SALLYPORT_LOCKDOWN_ALLOW.`;

/** The fix for what no list allows. */
export const NO_LIST = "It cannot be allowed under lockdown.";

/** Puts a function where agent code cannot take it away or put another in its place. */
export function lock(target: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: false, configurable: false, enumerable: true });
}
