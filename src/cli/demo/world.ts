import type { AuditSigner } from "../../audit/index.js";
import { tokenExchange } from "../../broker/index.js";
import { createGuard, type Guard } from "../../guard.js";
import { oidcIdentity } from "../../identity/index.js";
import type { OperationalLog } from "../../operational-log.js";
import { fileStore } from "../../store/index.js";
import { type AuthorizationServer, startAuthorizationServer } from "./authorization-server.js";
import { LEDGER_SCOPES, type Ledger, startLedger } from "./ledger.js";
import type { Person } from "./person.js";
import { demoPolicy, LEDGER_API } from "./policy.js";

/** The places of the demonstration, all of them real and on loopback. */
export interface World {
  readonly authorizationServer: AuthorizationServer;
  readonly ledger: Ledger;
  /** The guard of the moment. */
  guard(): Guard;
  /** Closes the guard and makes another one of what is on the disk, as when a process is started again. */
  restart(): Promise<void>;
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

const CLIENT = "support-platform";

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
  const open = async (): Promise<{ readonly guard: Guard; close(): Promise<void> }> => {
    const store = fileStore(state);
    const guard = await createGuard({
      policy: demoPolicy(ledger.origin, wait),
      identity: oidcIdentity({ issuer, audience: "sallyport", tenantClaim: "tenant", allowInsecure: true }),
      credentials: {
        ledger: tokenExchange({
          issuer,
          clientId: CLIENT,
          authentication: { method: "private_key_jwt", key },
          audience: LEDGER_API,
          formats: ["opaque"],
          allowInsecure: true,
        }),
      },
      approvals: { request: person.ask },
      audit: { directory, signer },
      store,
      log,
    });
    return {
      guard,
      async close() {
        await guard.close();
        await store.close();
      },
    };
  };
  let current = await open();
  closers.push(() => current.close());
  return {
    authorizationServer,
    ledger,
    guard: () => current.guard,
    async restart() {
      await current.close();
      current = await open();
    },
  };
}
