import dns from "node:dns";
import { isIP } from "node:net";
import { mapGet, mapSet, mapSize } from "../request/captured.js";
import { type AllowList, isAllowed, isListed } from "./allow.js";
import { addressesOf } from "./permits.js";
import { fixFor, like, lock, NO_LIST, refusal, refusing } from "./refuse.js";

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

/** What the names of the list were found to stand for. */
export interface KnownNames {
  /** Whether an address stands for a name that is listed with this port. */
  allows(places: AllowList["udp"], address: unknown, port: unknown): boolean;
}

/** Names change their addresses for ever; beyond this, all are forgotten. */
const MOST_ADDRESSES = 1024;

/** A name that is asked about leaves the machine, and what stands in it does, too. Names on the list may be asked about. */
export function lockNames({ tcp, udp }: AllowList): KnownNames {
  const hosts = [...tcp, ...udp].map(({ host }) => host);
  let known = new Map<unknown, unknown>();
  const learn = (name: unknown, result: unknown): void => {
    const addresses = addressesOf(result);
    for (let at = 0; at < addresses.length; at++) mapSet(known, addresses[at], name);
    // What is still asked about is learnt anew.
    if (mapSize(known) > MOST_ADDRESSES) known = new Map();
  };
  for (const [module, rejects] of [
    [dns, false],
    [dns.promises, true],
  ] as const) {
    for (const name of ASKING) {
      const original: unknown = (module as unknown as Record<string, unknown>)[name];
      if (typeof original !== "function") continue;
      const isHarmless = (asked: unknown): boolean =>
        isListed(hosts, asked) ||
        asked === "localhost" ||
        // Nobody is asked for what is an address already.
        (name === "lookup" && typeof asked === "string" && isIP(asked) !== 0);
      const refuse = (asked: unknown): Error =>
        refusal(`A look-up of ${String(asked)}`, fixFor(`${String(asked)}:port`));
      const checked = (...given: unknown[]): unknown => {
        const [asked] = given;
        if (!isHarmless(asked)) {
          if (rejects) return Promise.reject(refuse(asked));
          throw refuse(asked);
        }
        const callback = given[given.length - 1];
        if (name === "lookup" && typeof callback === "function") {
          given[given.length - 1] = (...found: readonly unknown[]): unknown => {
            learn(asked, found[1]);
            return apply(callback, undefined, found);
          };
        }
        return apply(original, module, given);
      };
      lock(
        module,
        name,
        like(original, checked, ([asked]) => {
          if (!isHarmless(asked)) throw refuse(asked);
        }),
      );
    }
    // Its resolvers ask whichever server they are told to, and so does the one that all code shares.
    lock(module, "Resolver", function Resolver(): never {
      throw refusal("A resolver of its own", NO_LIST);
    });
    lock(module, "setServers", refusing("dns.setServers"));
  }
  return {
    allows: (places, address, port) => isAllowed(places, mapGet(known, address), port),
  };
}
