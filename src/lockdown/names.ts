import dns from "node:dns";
import type { AllowList } from "./allow.js";
import { isListed } from "./allow.js";
import { fixFor, lock, NO_LIST, refusal } from "./refuse.js";

const { apply } = Reflect;

/** Functions whose first argument is the name that is asked about. */
const ASKING = [
  "lookup",
  "resolve",
  "resolve4",
  "resolve6",
  "resolveAny",
  "resolveCaa",
  "resolveCname",
  "resolveMx",
  "resolveNaptr",
  "resolveNs",
  "resolvePtr",
  "resolveSoa",
  "resolveSrv",
  "resolveTlsa",
  "resolveTxt",
  "reverse",
  "lookupService",
] as const;

/** A name that is asked about leaves the machine, and what stands in it does, too. Names on the list may be asked about. */
export function lockNames({ tcp, udp }: AllowList): void {
  const hosts = [...tcp, ...udp].map(({ host }) => host);
  for (const [module, rejects] of [
    [dns, false],
    [dns.promises, true],
  ] as const) {
    for (const name of ASKING) {
      const original: unknown = (module as unknown as Record<string, unknown>)[name];
      if (typeof original !== "function") continue;
      lock(module, name, (...given: readonly unknown[]): unknown => {
        if (isListed(hosts, given[0]) || given[0] === "localhost") return apply(original, module, given);
        const error = refusal(`A look-up of ${String(given[0])}`, fixFor(`${String(given[0])}:port`));
        if (rejects) return Promise.reject(error);
        throw error;
      });
    }
    // Its resolvers ask whichever server they are told to.
    lock(module, "Resolver", function Resolver(): never {
      throw refusal("A resolver of its own", NO_LIST);
    });
  }
}
