import { hostname } from "node:os";
import type { Clock } from "../clock.js";
import { GuardError } from "../errors/guard-error.js";
import { heldBy, type LiveCredential } from "./custody.js";
import type { CredentialProvider, RevocationOutcome } from "./provider.js";

/** What is kept of a live credential in case its process dies: who it is for and how to name it, never the credential. */
export interface CredentialLease {
  /** Fingerprint of the secret. */
  readonly kid: string;
  /** Name of the credential as the policy uses it. */
  readonly credential: string;
  readonly service: string;
  readonly session: string;
  readonly principal: string;
  readonly agent: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  readonly issuer?: string;
  /** What its issuer knows it by, where that is not the credential itself: enough to revoke it. */
  readonly lease?: string;
  /** The process that holds it. */
  readonly owner: { readonly host: string; readonly pid: number };
}

/** Where leases are kept. A verb that fails rejects; a credential whose lease cannot be kept is not used. */
export interface CredentialStore {
  put(lease: CredentialLease): Promise<void>;
  remove(session: string, kid: string): Promise<void>;
  list(): Promise<readonly CredentialLease[]>;
}

/** A credential that outlived its process, and what became of it. */
export interface Orphan {
  readonly lease: CredentialLease;
  /** `not_revocable`: its issuer cannot be told by name alone; it lives until it expires. */
  readonly outcome: RevocationOutcome | "failed";
}

const OWNER: CredentialLease["owner"] = Object.freeze({ host: hostname(), pid: process.pid });

/** The lease of a credential. */
export function leaseOf(live: LiveCredential): CredentialLease {
  const { base, mark } = live;
  const { credential, service, session, principal, agent } = base;
  const { issuer, lease } = heldBy(live).issued;
  return Object.freeze({
    kid: mark.kid,
    credential,
    service,
    session,
    principal,
    agent,
    expiresAt: mark.expiresAt,
    ...(issuer === undefined ? {} : { issuer }),
    ...(lease === undefined ? {} : { lease }),
    owner: OWNER,
  });
}

/** Keeps the lease of a credential before anybody gets it. @throws GuardError `STORE_UNAVAILABLE` */
export async function keepLease(store: CredentialStore, live: LiveCredential): Promise<void> {
  try {
    await store.put(leaseOf(live));
  } catch {
    throw new GuardError("STORE_UNAVAILABLE", {
      message: "What is needed to revoke the credential after a crash could not be kept, so it is not used.",
    });
  }
}

/**
 * Revokes what processes left behind that are no more, and forgets it. A process of another machine is none of our
 * business; its credentials are forgotten when they have expired.
 */
export async function revokeOrphans(
  store: CredentialStore,
  providers: ReadonlyMap<string, CredentialProvider>,
  clock: Clock,
  signal: AbortSignal,
): Promise<readonly Orphan[]> {
  const orphans: Orphan[] = [];
  const leases = await store.list();
  await Promise.all(
    leases.map(async (lease) => {
      if (lease.expiresAt > clock.now()) {
        if (!isLeftBehind(lease.owner)) return;
        orphans.push({ lease, outcome: await revokeByName(lease, providers.get(lease.credential), signal) });
      }
      await store.remove(lease.session, lease.kid);
    }),
  );
  return orphans;
}

async function revokeByName(
  lease: CredentialLease,
  provider: CredentialProvider | undefined,
  signal: AbortSignal,
): Promise<Orphan["outcome"]> {
  if (provider?.revokeLease === undefined) return "not_revocable";
  return await provider.revokeLease(lease, { signal }).catch(() => "failed" as const);
}

function isLeftBehind({ host, pid }: CredentialLease["owner"]): boolean {
  if (host !== OWNER.host || pid === OWNER.pid) return false;
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    // EPERM: it lives, and is somebody else's.
    return (error as NodeJS.ErrnoException).code === "ESRCH";
  }
}
