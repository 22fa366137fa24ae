import type { ParsedLine } from "./parsed-line.js";

/** What a ledger says of a session. `end` is there where the session's end was signed. */
export interface LedgerEntry {
  end?: { readonly size: unknown; readonly root: unknown };
}

/** What ledgers say beside the log they are: of sessions, and of what was taken away on purpose. */
export class LedgerFacts {
  readonly entries: Map<string, LedgerEntry> = new Map();
  /** Origins of session logs that were pruned. */
  readonly pruned: Set<string> = new Set();
  /** How many sessions sent through a fetch of the host's, past the checks of addresses. */
  throughFetch = 0;
  /** Bodies that were erased: origin of the log and number of the line. */
  readonly erased: Set<string> = new Set();

  note(line: ParsedLine): void {
    const { type, session_id: session } = line;
    if (type === "session.pruned") this.pruned.add(String(object(line["pruned"])["log"]));
    if (type === "body.erased") {
      const { log, seq } = object(line["erased"]);
      this.erased.add(erasureKey(String(log), Number(seq)));
    }
    if (typeof session !== "string") return;
    if (type === "session.opened") {
      this.entries.set(session, {});
      if (line["transport"] === "fetch") this.throughFetch++;
    }
    const ends = type === "session.closed" || type === "session.recovered";
    if (ends && line["final"] === true) this.entries.set(session, { end: { size: line["size"], root: line["root"] } });
  }
}

export const erasureKey = (log: string, seq: number): string => `${log}#${seq}`;

const object = (value: unknown): ParsedLine =>
  typeof value === "object" && value !== null ? (value as ParsedLine) : {};
