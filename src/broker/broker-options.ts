import type { Clock } from "../clock.js";
import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";
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

const KNOWN_OPTIONS = new Set([
  "providers",
  "clock",
  "random",
  "onEvent",
  "leases",
  "maxCredentials",
  "issueDeadlineMs",
]);

/** Throws {@link OptionsError} with every problem of the options. */
export function checkBrokerOptions(options: TokenBrokerOptions): void {
  const problems: ConfigurationProblem[] = [];
  for (const name of Object.keys(options)) {
    if (!KNOWN_OPTIONS.has(name)) problems.push({ pointer: `/${name}`, message: "is not an option" });
  }
  if (typeof options.providers !== "object" || options.providers === null) {
    problems.push({ pointer: "/providers", message: "must be an object of providers by name" });
  } else {
    for (const [name, provider] of Object.entries(options.providers)) {
      if (typeof provider?.issue !== "function") {
        problems.push({ pointer: `/providers/${name}`, message: "must be a provider: an object with `issue`" });
      }
    }
  }
  for (const name of ["maxCredentials", "issueDeadlineMs"] as const) {
    const value = options[name];
    if (value !== undefined && !(Number.isSafeInteger(value) && value > 0)) {
      problems.push({ pointer: `/${name}`, message: "must be a positive whole number" });
    }
  }
  if (problems.length > 0) throw new OptionsError(problems);
}
