import type { LookupAllOptions } from "node:dns";
import type { LookupFunction } from "node:net";
import { type AddressRule, isMetadataName, parseHostLiteral } from "../request/address.js";
import { bare } from "../request/captured.js";
import { AddressRefusal } from "./faults.js";
import { systemLookup } from "./passage.js";

/** One answer of a resolver. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** Resolves a name to all its addresses, in the order to try them. */
export type Resolver = (hostname: string) => Promise<readonly ResolvedAddress[]>;

/** All that Node asks for, as members of their own. */
const LOOKUP: LookupAllOptions = bare({ all: true, family: 0, hints: 0, order: undefined, verbatim: undefined });

/** The operating system's resolver, so that `/etc/hosts` and split-horizon set-ups work as everywhere else. */
export const systemResolver: Resolver = async (hostname) => {
  const found = await systemLookup(hostname, LOOKUP);
  return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
};

/** The refusal for a host that may not even be looked up, or for a literal; undefined when it may be tried. */
export function refuseHost(hostname: string, rule: AddressRule): AddressRefusal | undefined {
  if (isMetadataName(hostname)) return new AddressRefusal(hostname, "the name of a cloud metadata service");
  const literal = parseHostLiteral(hostname);
  if (literal === null) return undefined;
  const verdict = rule(literal);
  return verdict.ok ? undefined : new AddressRefusal(hostname, `an address of class "${verdict.class}"`);
}

/**
 * What a name resolves to, all of it checked. One refused answer refuses them all: a name that mixes public and private
 * answers is a rebinding attempt or a mistake.
 */
export async function checkedAddresses(
  hostname: string,
  rule: AddressRule,
  resolve: Resolver,
): Promise<readonly ResolvedAddress[]> {
  const found = await resolve(hostname);
  if (found.length === 0) throw Object.assign(new Error(`${hostname} has no address`), { code: "ENOTFOUND" });
  for (const { address } of found) {
    const verdict = rule(address);
    if (!verdict.ok) throw new AddressRefusal(hostname, `a name for an address of class "${verdict.class}"`);
  }
  return found;
}

/**
 * A `lookup` for `net.connect` that hands on checked addresses only. The socket dials what it is handed and resolves
 * nothing itself, so a name cannot point elsewhere between check and connect. Asked again for every connection.
 */
export function pinnedLookup(rule: AddressRule, resolve: Resolver): LookupFunction {
  return (hostname, options, callback) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      callback(error, "");
    };
    checkedAddresses(hostname, rule, resolve).then((found) => {
      // Node asks for all addresses when it may try several (`autoSelectFamily`), and for one otherwise.
      if (options.all === true) callback(null, [...found]);
      else callback(null, found[0]?.address ?? "", found[0]?.family);
    }, fail);
  };
}
