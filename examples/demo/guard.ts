import type { JWK } from "jose";
import type { OperationalLog } from "sallyport";
import { createGuard, type Guard } from "sallyport";
import type { ApprovalCallback } from "sallyport/approval";
import type { AuditSigner } from "sallyport/audit";
import { tokenExchange } from "sallyport/broker";
import { oidcIdentity } from "sallyport/identity";
import { fileStore } from "sallyport/store";
import { demoPolicy, LEDGER_API } from "./policy.js";

/** The client that the demonstration's guards are at the authorization server. */
export const CLIENT = "support-platform";

/** Where a guard of the demonstration stands: plain data, so that another process can be told. */
export interface GuardPlace {
  readonly issuer: string;
  /** The private key of its client. */
  readonly key: JWK;
  readonly ledgerOrigin: string;
  /** Where questions are kept. */
  readonly state: string;
  /** How long a call is held while a person thinks, e.g. `"25s"`. */
  readonly wait: string;
}

/** Opens a guard there. Closing it closes its store, too. */
export async function openGuard(
  { issuer, key, ledgerOrigin, state, wait }: GuardPlace,
  own: {
    readonly ask: ApprovalCallback;
    readonly directory: string;
    readonly signer: AuditSigner;
    readonly log: OperationalLog;
  },
): Promise<{ readonly guard: Guard; close(): Promise<void> }> {
  const store = fileStore(state);
  const guard = await createGuard({
    policy: demoPolicy(ledgerOrigin, wait),
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
    approvals: { request: own.ask },
    audit: { directory: own.directory, signer: own.signer },
    store,
    log: own.log,
  });
  return {
    guard,
    async close() {
      await guard.close();
      await store.close();
    },
  };
}
