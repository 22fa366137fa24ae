import type { CredentialLease, CredentialStore } from "../broker/index.js";
import type { Table } from "./documents.js";

/** Leases are only ever asked for all at once. */
export const leaseIndex = (): string => "";

const MAX_LEASES = 100_000;

/** The verbs on a table of leases: each is one transaction. A store that is full takes no more: nothing is forgotten early. */
export function credentialsIn(table: Table<CredentialLease>): CredentialStore {
  return {
    put: (lease) =>
      table.transact((leases) => {
        if (leases.size >= MAX_LEASES) throw new Error(`The credential store is full: ${MAX_LEASES} leases are kept.`);
        leases.put(keyOf(lease.session, lease.kid), lease);
      }),
    remove: (session, kid) => table.transact((leases) => leases.delete(keyOf(session, kid))),
    list: () => table.transact((leases) => [...leases.all()]),
  };
}

const keyOf = (session: string, kid: string): string => JSON.stringify([session, kid]);
