/**
 * `COMPLETE`: every line is there, and a signature covers the last one. `PREFIX_VALID_END_UNPROVEN`: what is there is
 * genuine up to the last signature; more may have followed. `INVALID`: something was changed, removed or added.
 * `CANNOT_VERIFY`: no key, no signature by that key, or unreadable. `DIVERGED`: contradicts a head published elsewhere.
 * `EMPTY`: nothing was recorded.
 */
export type AuditVerdict =
  | "COMPLETE"
  | "PREFIX_VALID_END_UNPROVEN"
  | "INVALID"
  | "CANNOT_VERIFY"
  | "DIVERGED"
  | "EMPTY";

/** Exit codes of `sallyport audit verify`. */
export const EXIT_CODES: Readonly<Record<AuditVerdict, number>> = {
  COMPLETE: 0,
  INVALID: 1,
  CANNOT_VERIFY: 2,
  PREFIX_VALID_END_UNPROVEN: 3,
  DIVERGED: 4,
  EMPTY: 5,
};

const WORST_FIRST = ["INVALID", "DIVERGED", "CANNOT_VERIFY", "PREFIX_VALID_END_UNPROVEN", "EMPTY", "COMPLETE"] as const;

/** The verdict over several logs: the worst of theirs; `EMPTY` over none. */
export function worstVerdict(verdicts: readonly AuditVerdict[]): AuditVerdict {
  return WORST_FIRST.find((verdict) => verdicts.includes(verdict)) ?? "EMPTY";
}

/** What is wrong, and the first place where it shows. */
export interface AuditProblem {
  /** File name of the segment. */
  readonly segment?: string;
  /** Number of the first line that is not what it should be. */
  readonly seq?: number;
  readonly reason: string;
}

/** The verdict over one log. */
export interface LogReport {
  /** Origin of the log: `sallyport/<writer>` is a ledger, `sallyport/<writer>/<session>` a session. */
  readonly log: string;
  readonly verdict: AuditVerdict;
  /** Whole lines that were read and found in order. */
  readonly lines: number;
  /** Lines after the last good signature, and bytes after the last whole line. */
  readonly unsigned: number;
  readonly tornBytes: number;
  /** The head of the last good signature; `root` in Base64. */
  readonly head?: { readonly size: number; readonly root: string };
  /** True where a crash ended it and the next writer took it over: what was lost in between is not known. */
  readonly recovered?: true;
  /** True where the log was removed on purpose, and a signed tombstone says so. */
  readonly pruned?: true;
  /** Of the bodies beside a log, how many were erased on purpose. */
  readonly erased?: number;
  /** The longest head published elsewhere that fits. */
  readonly anchoredSize?: number;
  readonly equivocations?: readonly Equivocation[];
  readonly problem?: AuditProblem;
}

/** Two signed heads of one log that cannot both be true: proof, to anybody with the key, that its holder told two stories. */
export interface Equivocation {
  readonly log: string;
  readonly size: number;
  readonly notes: readonly [string, string];
}

/** The verdict over an audit directory. */
export interface AuditReport {
  readonly verdict: AuditVerdict;
  readonly exitCode: number;
  readonly directory: string;
  /** Where the key came from: `given` is pinned by the caller; `directory` proves less, since it lies beside the record. */
  readonly key: { readonly source: "given" | "directory" | "none"; readonly name?: string; readonly id?: string };
  readonly logs: readonly LogReport[];
  /** What a reader of the verdict should know. */
  readonly notes: readonly string[];
}
