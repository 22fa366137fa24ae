import { GuardError } from "../errors/guard-error.js";

/** What code gets that goes past the guard: it names what was tried, and how to make it right. */
export const refusal = (what: string, fix: string): GuardError =>
  new GuardError("LOCKDOWN_REFUSED", {
    message: `${what} was refused: under sallyport/lockdown only the guard reaches the network, and only the guard uses its files and memory. ${fix}`,
    modelReason: "code tried to reach the network beside the guard",
    sent: false,
  });

/** A function that only refuses. */
export const refusing = (what: string, fix: string = NO_LIST): (() => never) =>
  function refused(): never {
    throw refusal(what, fix);
  };

/** Stands for something that is neither called nor looked into. */
export const refusingAll = (what: string, fix: string = NO_LIST): object => {
  const refused = refusing(what, fix);
  return new Proxy(refused, { get: refused, set: refused, getOwnPropertyDescriptor: refused, ownKeys: refused });
};

/** The fix for a place: the guard for services, the list for databases and the like. */
export const fixFor = (entry: string): string =>
  `For a service, use session.fetch (or guardedFetch; axios needs adapter: "fetch" and env: { fetch: session.fetch }). ` +
  `For a database or a collector, add "${entry}" to SALLYPORT_LOCKDOWN_ALLOW.`;

/** The fix for what no list allows. */
export const NO_LIST = "It cannot be allowed under lockdown.";

/** Puts a value where agent code cannot take it away or put another in its place. */
export function lock(target: object, name: PropertyKey, value: unknown): void {
  Object.defineProperty(target, name, { value, writable: false, configurable: false, enumerable: true });
}

type AnyFunction = (this: unknown, ...given: readonly unknown[]) => unknown;

/**
 * Makes `stand-in` look like what it stands for: name, length, and what `util.promisify` finds. A function that the original
 * brings for `util.promisify` is the original again, so `checkedFirst` runs before it, too.
 */
export function like(
  original: object,
  standIn: AnyFunction,
  checkFirst: (given: readonly unknown[]) => void = () => {},
): AnyFunction {
  for (const key of Reflect.ownKeys(original)) {
    const property = Reflect.getOwnPropertyDescriptor(original, key);
    if (property === undefined || key === "prototype" || "get" in property) continue;
    const { value } = property;
    if (typeof key === "symbol" && typeof value === "function") {
      property.value = (...given: readonly unknown[]): unknown => {
        checkFirst(given);
        return Reflect.apply(value, undefined, given);
      };
    }
    Reflect.defineProperty(standIn, key, property);
  }
  return standIn;
}
