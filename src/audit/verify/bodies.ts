import { systemCode } from "../file-system.js";
import { COMMITMENT, readStoredBody } from "../stored-body.js";
import { erasureKey } from "./ledger-facts.js";
import type { ParsedLine } from "./parsed-line.js";
import type { AuditProblem, LogReport } from "./report.js";
import type { LogPlace } from "./verify-log.js";

/** Compares the bodies beside a session's log with what its lines say of them. */
export class BodyCheck {
  readonly #place: LogPlace;
  readonly #erasures: ReadonlySet<string>;
  #bodies = 0;
  #erased = 0;
  #problem: AuditProblem | undefined;

  constructor(place: LogPlace, erasures: ReadonlySet<string>) {
    this.#place = place;
    this.#erasures = erasures;
  }

  check(line: ParsedLine): void {
    for (const name of ["req_body", "res_body"] as const) {
      const blob = (line[name] as ParsedLine | undefined)?.["blob"];
      if (blob === undefined) continue;
      this.#bodies++;
      const wrong = typeof blob === "string" && COMMITMENT.test(blob) ? this.#wrongWith(blob) : "its name is none";
      if (wrong === undefined) continue;
      const seq = Number(line["seq"]);
      if (wrong === MISSING && this.#erasures.has(erasureKey(this.#place.origin, seq))) this.#erased++;
      else this.#problem ??= { seq, reason: `the ${name} of this line is not the recorded one: ${wrong}` };
    }
  }

  /** A verdict of its own: a body that was exchanged leaves the chain as it is. `undefined` where no line has a body. */
  report(): LogReport | undefined {
    if (this.#bodies === 0) return undefined;
    const counts = {
      lines: this.#bodies,
      unsigned: 0,
      tornBytes: 0,
      ...(this.#erased > 0 ? { erased: this.#erased } : {}),
    };
    const log = `${this.#place.origin}/bodies`;
    if (this.#problem === undefined) return { log, verdict: "COMPLETE", ...counts };
    return { log, verdict: "INVALID", ...counts, problem: this.#problem };
  }

  #wrongWith(commitment: string): string | undefined {
    try {
      return readStoredBody(this.#place.directory, commitment) === undefined ? "it was changed" : undefined;
    } catch (error) {
      const code = systemCode(error);
      return code === "ENOENT" ? MISSING : `it cannot be read (${code})`;
    }
  }
}

const MISSING = "it is missing";
