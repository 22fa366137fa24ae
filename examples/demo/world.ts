import type { Guard, OperationalLog } from "sallyport";
import type { AuditSigner } from "sallyport/audit";
import { type AuthorizationServer, startAuthorizationServer } from "./authorization-server.js";
import { CLIENT, type GuardPlace, openGuard } from "./guard.js";
import { LEDGER_SCOPES, type Ledger, startLedger } from "./ledger.js";
import type { Person } from "./person.js";
import { LEDGER_API } from "./policy.js";

/** The places of the demonstration, all of them real and on loopback. */
export interface World {
  readonly authorizationServer: AuthorizationServer;
  readonly ledger: Ledger;
  readonly guard: Guard;
  /** Where it stands, for another one. */
  readonly place: GuardPlace;
}

/** How the places are started; a test puts itself in between, to know secrets from where they are made. */
export interface WorldParts {
  readonly startAuthorizationServer: typeof startAuthorizationServer;
  readonly startLedger: typeof startLedger;
}

/** What is the caller's to say. */
export interface WorldOptions {
  /** Where the record is kept. */
  readonly directory: string;
  /** Where questions are kept. */
  readonly state: string;
  readonly signer: AuditSigner;
  readonly log: OperationalLog;
  readonly person: Person;
  /** How long a call is held while a person thinks, e.g. `"25s"`. */
  readonly wait: string;
}

export const realParts: WorldParts = { startAuthorizationServer, startLedger };

/** Starts everything. What was started is pushed to `closers`, also where the next thing fails. */
export async function openWorld(
  parts: WorldParts,
  { directory, state, signer, log, person, wait }: WorldOptions,
  closers: (() => Promise<void>)[],
): Promise<World> {
  const authorizationServer = await parts.startAuthorizationServer({
    clients: { [CLIENT]: { method: "private_key_jwt" } },
    resources: { [LEDGER_API]: { scopes: LEDGER_SCOPES, format: "opaque" } },
  });
  closers.push(() => authorizationServer.close());
  const { issuer, clientKeys } = authorizationServer;
  const ledger = await parts.startLedger({ introspect: authorizationServer.introspect, audience: LEDGER_API });
  closers.push(() => ledger.close());

  const key = clientKeys[CLIENT];
  if (key === undefined) throw new Error("the authorization server made no key for its client");
  const place = { issuer, key, ledgerOrigin: ledger.origin, state, wait };
  const { guard, close } = await openGuard(place, { directory, signer, log, ask: person.ask });
  closers.push(close);
  return { authorizationServer, ledger, guard, place };
}
