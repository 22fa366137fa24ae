import type { ApprovalDesk } from "./approval/index.js";
import type { SessionLog, SyncMode } from "./audit/index.js";
import type { BrokerSession, TokenBroker } from "./broker/index.js";
import type { DropLog } from "./call/dropped-headers.js";
import type { OnDeny } from "./call/respond.js";
import type { Clock } from "./clock.js";
import type { Masker, PlaceholderOptions, Vault } from "./masking/index.js";
import type { OperationalLog } from "./operational-log.js";
import type { DecisionContext, Policy } from "./policy/index.js";
import type { Recorder } from "./recording/index.js";
import type { LimitStore, SentStore } from "./store/index.js";
import type { Connections, Transport } from "./transport/index.js";
import type { Vaults } from "./vaults.js";

/** What a guard is made of, once wired: shared by all its sessions. */
export interface GuardParts {
  readonly clock: Clock;
  /** The policy in force now; a decision belongs to the one it was made under. */
  readonly policy: () => Policy;
  /** How long a predicate in code may take, in milliseconds. */
  readonly predicateTimeoutMs: number;
  readonly broker: TokenBroker;
  /** Counts what limits allow. */
  readonly limits: LimitStore;
  readonly desk: ApprovalDesk;
  /** What tool calls have sent. */
  readonly sent: SentStore;
  /** Null where masking is switched off. */
  readonly masker: Masker | null;
  /** How placeholders may be used; null where no strategy makes any. */
  readonly placeholders: PlaceholderOptions | null;
  /** Where the values behind them are; null where no strategy makes any. */
  readonly vaults: Vaults | null;
  /** What approvers are shown goes through this one. */
  readonly approverMasker: Masker;
  /** How `session.fetch` says no. */
  readonly onDeny: OnDeny;
  /** What of bodies goes into the record. */
  readonly recorder: Recorder;
  /** What happens to answers whose media type cannot be masked. */
  readonly unmaskable: "pass" | "refuse";
  readonly transport: Transport;
  /** Services that know the guard by a client certificate: a credential that the policy does not name. */
  readonly certified: ReadonlySet<string>;
  readonly dropLog: DropLog;
  /** How sure an intent must be of the disk before its request leaves: for methods that change nothing, and for others. */
  readonly sync: { readonly safe: SyncMode; readonly unsafe: SyncMode };
  readonly log: OperationalLog;
}

/** An open session, as the path of a request sees it. Agent code never holds one. */
export interface SessionState {
  readonly id: string;
  readonly record: SessionLog;
  readonly brokerSession: BrokerSession;
  /** What is sent goes over these, and over no other session's. */
  readonly connections: Connections;
  /** What placeholders stand for; null where masking makes none. */
  readonly vault: Vault | null;
  /** Aborts when the session closes or expires, with the GuardError that says which. */
  readonly signal: AbortSignal;
  /** How it ended; null while it is open. Unlike the signal's reason, nobody else has it in hand. */
  endedWith(): "SESSION_CLOSED" | "SESSION_EXPIRED" | null;
  /** Throws SESSION_CLOSED or SESSION_EXPIRED. */
  assertOpen(): void;
  context(): DecisionContext;
  /** Exchanges under way, so that closing can end their records. */
  readonly exchanges: Set<{ abandon(): void }>;
  /** Sessions that got their task from this one; they end with it. */
  readonly children: Set<{ close(options?: { readonly cancelApprovals?: boolean }): Promise<void> }>;
}
