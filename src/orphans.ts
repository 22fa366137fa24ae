import type { TokenBroker } from "./broker/index.js";
import type { OperationalLog } from "./operational-log.js";

/**
 * Revokes what processes that died left in the lease store, and says what it was. A store that cannot be read stops nothing
 * here: it is written to before each credential is used, and fails closed there.
 */
export async function revokeOrphans(broker: TokenBroker, log: OperationalLog): Promise<void> {
  const orphans = await broker.revokeOrphans().catch(() => {
    log.warn({ part: "credentials" }, "credentials of a process that died could not be looked up");
    return [];
  });
  for (const { lease, outcome } of orphans) {
    const { kid, credential, session, agent, expiresAt } = lease;
    const fields = { credential, kid, session, agent, outcome, expiresAt: new Date(expiresAt).toISOString() };
    log.warn(fields, "a process that died left a credential behind");
  }
}
