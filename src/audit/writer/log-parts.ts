import type { Buffer } from "node:buffer";
import type { Clock } from "../../clock.js";
import type { EventFields } from "../event.js";
import type { LogFields } from "../fields.js";
import type { AuditFileSystem } from "../file-system.js";
import type { IdSource } from "../ids.js";
import type { LeakScanner } from "../leak-scan.js";
import type { AuditSigner } from "../note.js";
import type { LogEnd } from "../verify/log-verifier.js";
import type { Warn } from "../warnings.js";
import type { Ballast } from "./ballast.js";
import type { SyncMode } from "./segment.js";

/** What all logs of one writer share. */
export interface WriterParts {
  /** The writer instance. */
  readonly boot: string;
  readonly fs: AuditFileSystem;
  readonly clock: Clock;
  /** Monotonic milliseconds at which the writer began. */
  readonly startedAt: number;
  readonly ids: IdSource;
  /** Who signs what is opened from now on. */
  signer: AuditSigner;
  readonly scanner: LeakScanner | undefined;
  readonly sync: SyncMode;
  readonly warn: Warn;
  readonly ballast: Ballast;
  /** Told of each line once it is on disk; must not throw. */
  readonly onLine: ((line: string) => void) | undefined;
  /** Told of each signed head once it is on disk; must not throw. */
  readonly onHead: ((note: string) => void) | undefined;
  /** `lineBuffer()`, shared because whoever writes into it writes it out before anybody else can. */
  readonly buffer: Buffer;
}

/** What makes one log. */
export interface LogParts {
  readonly directory: string;
  /** Put before the number in the names of its segments. */
  readonly filePrefix: string;
  readonly origin: string;
  /** Who stands behind it, as JSON members; in every line that does not bring its own. */
  readonly identity: string;
}

/** Where a log that somebody else began is gone on with, and the first line of the new segment. */
export interface Continuation {
  readonly end: LogEnd;
  readonly segments: number;
  readonly recovered: LineFields;
}

export type LineFields = Partial<EventFields & LogFields>;

/** A line that is to be written together with others. */
export interface GatheredLine {
  readonly type: string;
  readonly fields: LineFields;
  readonly risky: boolean;
}
