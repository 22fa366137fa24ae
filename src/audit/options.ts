import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../clock.js";
import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";
import {
  callable,
  having,
  isObject,
  list,
  type Members,
  needed,
  object,
  oneOf,
  readAt,
  readOptions,
  type Shape,
  text,
  typed,
  whole,
} from "../shapes/index.js";
import type { AnchorSink } from "./anchors/anchor.js";
import type { SessionOpening } from "./event.js";
import { type AuditFileSystem, systemFiles } from "./file-system.js";
import type { NamedSecrets } from "./leak-scan.js";
import type { AuditSigner } from "./note.js";
import type { AuditSink } from "./sinks/sink.js";
import type { FailureMode } from "./writer/backlog.js";
import type { SyncMode } from "./writer/segment.js";

export interface AuditLogOptions {
  /** Where the record is kept; made (mode 0700) where it does not exist. One writer directory per process below it. */
  readonly directory: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** Default: `node:crypto`. */
  readonly randomBytes?: (count: number) => Uint8Array;
  /** Signs checkpoints. Default: a key pair in the directory, made at first use, for development. */
  readonly signer?: AuditSigner;
  /** Places elsewhere that get every signed head, so that not even the signing key can change what was. Default: none. */
  readonly anchors?: readonly AnchorSink[];
  /** Places beside the file that get every line; none of them can hold up or fail anything. Default: none. */
  readonly sinks?: readonly AuditSink[];
  /** When `sync()` and `close()` are content. Default `group`. */
  readonly sync?: SyncMode;
  /** What happens when a line cannot be written. Default `deny`. */
  readonly onFailure?: FailureMode;
  /** The secrets that are live now: tokens, client secrets. No line that holds one is written. Default: none. */
  readonly secrets?: NamedSecrets;
  /** Told what the operator should know, collapsed. Default: a process warning. */
  readonly warn?: (message: string) => void;
  /** Default: `node:fs`. */
  readonly fs?: AuditFileSystem;
}

export type CheckedOptions = Required<Omit<AuditLogOptions, "signer" | "secrets">> &
  Pick<AuditLogOptions, "signer" | "secrets">;

const directory: Shape<string> = text("must be the path of a directory", (path) =>
  path.includes("\0") ? "must be the path of a directory" : undefined,
);

const NAME = "must be a name without spaces and `+`";
const SIGNER: Members<AuditSigner> = {
  keyName: needed(
    text(NAME, (name) => (/^[^\s+]{1,128}$/.test(name) ? undefined : NAME)),
    NAME,
  ),
  publicKey: needed(
    typed(
      (given): given is Uint8Array => given instanceof Uint8Array && given.length === 32,
      "must be the 32 bytes of an Ed25519 public key",
    ),
    "must be the 32 bytes of an Ed25519 public key",
  ),
  sign: needed(callable(), "must be a function"),
};

/** Somebody else's code, with these members: used as it is. */
const implementing = <Value>(members: Members<Value>, message: string): Shape<Value> => ({
  read(given, place) {
    if (!isObject(given)) {
      place.report(message);
      return undefined;
    }
    for (const [name, shape] of Object.entries(members)) readAt(given[name], shape as Shape<unknown>, place.at(name));
    return given as Value;
  },
});

/** How a signer must look. */
export const SIGNER_SHAPE: Shape<AuditSigner> = implementing(SIGNER, "must be a signer");
const named = needed(text("must be a name"), "must be a name");
const anchor: Shape<AnchorSink> = implementing<AnchorSink>(
  { name: named, publish: needed(callable(), "must be a function") },
  "must have a `name` and a function `publish`",
);
const sink: Shape<AuditSink> = implementing<AuditSink>(
  { name: named, write: needed(callable(), "must be a function"), attempts: whole(1), givenUp: callable() },
  "must have a `name` and a function `write`",
);

/** What people configure of a record, but for where it is kept. */
export const RECORD: Members<Pick<AuditLogOptions, "signer" | "anchors" | "sinks" | "sync" | "onFailure">> & {
  readonly directory: Shape<string>;
} = {
  directory,
  signer: SIGNER_SHAPE,
  anchors: list(anchor),
  sinks: list(sink),
  sync: oneOf("os", "group", "strict"),
  onFailure: oneOf("deny", "buffer", "dangerously-allow"),
};

const FILES = ["makeDirectory", "createFile", "write", "truncate", "stat", "syncNow", "sync", "syncDirectory", "close"];

const OPTIONS: Shape<AuditLogOptions> = object<AuditLogOptions>({
  ...RECORD,
  directory: needed(directory, "must be the path of a directory"),
  clock: having(["now", "monotonic", "schedule"], "must be a clock"),
  randomBytes: callable(),
  secrets: callable(),
  warn: callable(),
  fs: having([...FILES, "remove", "removeDirectory"], "must be a file system"),
});

/** Checks all options at once and fills in defaults. @throws OptionsError */
export function checkOptions(options: AuditLogOptions): CheckedOptions {
  return {
    anchors: [],
    sinks: [],
    clock: systemClock,
    randomBytes,
    sync: "group",
    onFailure: "deny",
    warn: (message) => process.emitWarning(message, { type: "AuditWarning", code: "SALLYPORT_AUDIT" }),
    fs: systemFiles,
    ...readOptions(options, OPTIONS),
  };
}

/** Reads a signer. @throws OptionsError where it is none. */
export const checkSigner = (given: unknown): AuditSigner =>
  readOptions(given, needed(SIGNER_SHAPE, "must be a signer"));

/** Checks the facts of a session: its id becomes a directory name, and without a principal nobody is accountable. */
export function checkSession(facts: SessionOpening): void {
  const problems: ConfigurationProblem[] = [];
  if (!isObject(facts)) throw new OptionsError([{ pointer: "", message: "must be an object" }]);
  if (typeof facts.id !== "string" || !SESSION_ID.test(facts.id)) {
    problems.push({ pointer: "/id", message: "must be 1 to 128 letters, digits, `-` and `_`" });
  }
  for (const key of ["principal", "agent"] as const) {
    const id: unknown = facts[key]?.id;
    if (typeof id !== "string" || id === "")
      problems.push({ pointer: `/${key}/id`, message: "must be a non-empty text" });
  }
  if (typeof facts.purpose !== "string") problems.push({ pointer: "/purpose", message: "must be a text" });
  if (facts.transport !== undefined && facts.transport !== "fetch")
    problems.push({ pointer: "/transport", message: 'must be "fetch" or left out' });
  if (!Number.isFinite(facts.expiresAt)) {
    problems.push({ pointer: "/expiresAt", message: "must be a time in epoch milliseconds" });
  }
  if (!["ai", "human", undefined].includes(facts.initiator)) {
    problems.push({ pointer: "/initiator", message: 'must be "ai" or "human"' });
  }
  if (problems.length > 0) throw new OptionsError(problems);
}

/** Names of session directories. No dot: neither `..` nor the name of a ledger can be one. */
export const SESSION_ID: RegExp = /^[A-Za-z0-9_-]{1,128}$/;
