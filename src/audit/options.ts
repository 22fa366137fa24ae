import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../clock.js";
import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";
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

const KINDS: Readonly<Record<keyof AuditLogOptions, "string" | "object" | "function">> = {
  directory: "string",
  clock: "object",
  randomBytes: "function",
  signer: "object",
  anchors: "object",
  sinks: "object",
  sync: "string",
  onFailure: "string",
  secrets: "function",
  warn: "function",
  fs: "object",
};

/** Checks all options at once and fills in defaults. */
export function checkOptions(options: AuditLogOptions): CheckedOptions {
  const problems: ConfigurationProblem[] = [];
  for (const [key, value] of Object.entries(options)) {
    const kind = Object.hasOwn(KINDS, key) ? KINDS[key as keyof AuditLogOptions] : undefined;
    if (kind === undefined) problems.push({ pointer: `/${key}`, message: "is not an option of the audit log" });
    else if (value !== undefined && (typeof value !== kind || value === null)) {
      problems.push({ pointer: `/${key}`, message: `must be a ${kind}` });
    }
  }
  if (typeof options.directory !== "string" || options.directory === "" || options.directory.includes("\0")) {
    problems.push({ pointer: "/directory", message: "must be the path of a directory" });
  }
  if (options.sync !== undefined && !["os", "group", "strict"].includes(options.sync)) {
    problems.push({ pointer: "/sync", message: 'must be "os", "group" or "strict"' });
  }
  if (options.onFailure !== undefined && !["deny", "buffer", "dangerously-allow"].includes(options.onFailure)) {
    problems.push({ pointer: "/onFailure", message: 'must be "deny", "buffer" or "dangerously-allow"' });
  }
  if (typeof options.signer === "object" && options.signer !== null) problems.push(...problemsOfSigner(options.signer));
  problems.push(...problemsOfPlaces(options.anchors ?? [], "anchors", "publish"));
  problems.push(...problemsOfPlaces(options.sinks ?? [], "sinks", "write"));
  if (problems.length > 0) throw new OptionsError(problems);
  return {
    anchors: [],
    sinks: [],
    clock: systemClock,
    randomBytes,
    sync: "group",
    onFailure: "deny",
    warn: (message) => process.emitWarning(message, { type: "AuditWarning", code: "SALLYPORT_AUDIT" }),
    fs: systemFiles,
    ...withoutUndefined(options),
  };
}

function problemsOfPlaces(
  places: unknown,
  option: "anchors" | "sinks",
  method: "publish" | "write",
): readonly ConfigurationProblem[] {
  if (!Array.isArray(places)) return [{ pointer: `/${option}`, message: "must be a list" }];
  return places.flatMap((place: Record<string, unknown> | null, index) =>
    typeof place?.[method] === "function" && typeof place["name"] === "string"
      ? []
      : [{ pointer: `/${option}/${index}`, message: `must have a \`name\` and a function \`${method}\`` }],
  );
}

/** @throws {OptionsError} where it is no signer. */
export function checkSigner(signer: AuditSigner): void {
  const problems = problemsOfSigner(signer);
  if (problems.length > 0) throw new OptionsError(problems);
}

function problemsOfSigner({ keyName, publicKey, sign }: AuditSigner): readonly ConfigurationProblem[] {
  const problems: ConfigurationProblem[] = [];
  if (typeof keyName !== "string" || !/^[^\s+]{1,128}$/.test(keyName)) {
    problems.push({ pointer: "/signer/keyName", message: "must be a name without spaces and `+`" });
  }
  if (!(publicKey instanceof Uint8Array) || publicKey.length !== 32) {
    problems.push({ pointer: "/signer/publicKey", message: "must be the 32 bytes of an Ed25519 public key" });
  }
  if (typeof sign !== "function") problems.push({ pointer: "/signer/sign", message: "must be a function" });
  return problems;
}

/** Checks the facts of a session: its id becomes a directory name, and without a principal nobody is accountable. */
export function checkSession(facts: SessionOpening): void {
  const problems: ConfigurationProblem[] = [];
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

function withoutUndefined<Value extends object>(value: Value): Value {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as Value;
}
