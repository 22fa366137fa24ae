import { randomBytes } from "node:crypto";
import type { Clock } from "./clock.js";
import { createVault, type PlaceholderOptions, type Vault } from "./masking/index.js";
import type { Agent, Principal } from "./policy/index.js";

/** Where the values behind placeholders are kept, for the sessions of one guard. */
export interface Vaults {
  /** The vault of a session that begins. */
  open(principal: Principal, agent: Agent): Vault;
  /** The session has ended. What others may use as well is kept until it expires. */
  sessionEnded(vault: Vault): void;
  /** Forgets what this agent was given, also what is shared. */
  forget(agentId: string): void;
  /** Forgets everything. */
  close(): void;
}

interface Shared {
  readonly vault: Vault;
  readonly agentId: string;
}

/** So many pairs of principal and agent share; of more, those that came first are forgotten. */
const MOST_SHARED = 1_000;

/**
 * A vault has a key of its own: the placeholders of another one are altered here. Each session has one for itself, or, with
 * `scope: "principal"`, all sessions in which one agent acts for one principal have one together. Never more: a placeholder
 * that works for somebody else would be a way to use what that person may not read.
 */
export function createVaults({ ttlMs, origins, scope = "session" }: PlaceholderOptions, clock: Clock): Vaults {
  const shared = new Map<string, Shared>();
  const create = (): Vault =>
    createVault({
      key: randomBytes(32),
      now: () => clock.monotonic(),
      ...(ttlMs === undefined ? {} : { ttlMs }),
      ...(origins === undefined ? {} : { origins }),
    });
  const drop = (key: string): void => {
    shared.get(key)?.vault.clear();
    shared.delete(key);
  };
  return {
    open(principal, agent) {
      if (scope === "session") return create();
      const { issuer, tenant, type, id } = principal;
      const key = JSON.stringify([issuer ?? null, tenant ?? null, type, id, agent.id]);
      const known = shared.get(key) ?? { vault: create(), agentId: agent.id };
      shared.delete(key);
      shared.set(key, known);
      const [first] = shared.keys();
      if (shared.size > MOST_SHARED && first !== undefined) drop(first);
      return known.vault;
    },
    sessionEnded(vault) {
      if (scope === "session") vault.clear();
    },
    forget(agentId) {
      for (const [key, one] of [...shared]) if (one.agentId === agentId) drop(key);
    },
    close() {
      for (const key of [...shared.keys()]) drop(key);
    },
  };
}
