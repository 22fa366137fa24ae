import type { Clock } from "../clock.js";
import { callable, dictionary, having, needed, object, readOptions, type Shape, whole } from "../shapes/index.js";
import type { BrokerEvent } from "./events.js";
import type { CredentialStore } from "./leases.js";
import type { CredentialProvider } from "./provider.js";

/** How a broker is made. */
export interface TokenBrokerOptions {
  /** Providers by the names that the policy uses. */
  readonly providers: Readonly<Record<string, CredentialProvider>>;
  /** Default: the real clock. */
  readonly clock?: Clock;
  /** Numbers in [0, 1) for jitter. Default `Math.random`. */
  readonly random?: () => number;
  /** Told of everything that happens to a credential, synchronously. What it throws is ignored. */
  readonly onEvent?: (event: BrokerEvent) => void;
  /** Where leases are kept, so that the next start can revoke what this process leaves behind. Default: nowhere. */
  readonly leases?: CredentialStore;
  /** How many credentials are kept; the longest unused is revoked and forgotten. Default 10,000. */
  readonly maxCredentials?: number;
  /** For issuing one credential, all attempts together. Milliseconds. Default 30,000. */
  readonly issueDeadlineMs?: number;
}

const OPTIONS: Shape<TokenBrokerOptions> = object<TokenBrokerOptions>({
  providers: needed(
    dictionary(
      having(["issue"], "must be a provider: an object with `issue`"),
      "must be an object of providers by name",
    ),
    "must be an object of providers by name",
  ),
  clock: having(["now", "monotonic", "schedule"], "must be a clock"),
  random: callable(),
  onEvent: callable(),
  leases: having(["put", "remove", "list"], "must be a store of credentials"),
  maxCredentials: whole(1),
  issueDeadlineMs: whole(1),
});

/** Reads the options once. @throws OptionsError with every problem */
export const readBrokerOptions = (options: unknown): TokenBrokerOptions => readOptions(options, OPTIONS);
