import { GuardError } from "./errors/guard-error.js";

/** A session whose identity is being verified: it does not exist yet, and a stop has to end it all the same. */
export interface Opening {
  /** Aborts where the agent is stopped meanwhile, or the caller gives up. */
  readonly signal: AbortSignal;
  /** Throws where the agent has been stopped. */
  assertWanted(): void;
  end(): void;
}

/** The sessions that are being opened. */
export class Openings {
  readonly #open = new Map<AbortController, string>();

  begin(agent: string, caller: AbortSignal | undefined): Opening {
    const stop = new AbortController();
    this.#open.set(stop, agent);
    return {
      signal: caller === undefined ? stop.signal : AbortSignal.any([caller, stop.signal]),
      assertWanted: () => stop.signal.throwIfAborted(),
      end: () => void this.#open.delete(stop),
    };
  }

  /** Ends those of an agent. */
  stop(agent: string): void {
    for (const [opening, id] of this.#open) {
      if (id === agent) opening.abort(new GuardError("SESSION_CLOSED", { message: STOPPED }));
    }
  }
}

const STOPPED = "The agent was revoked while its session was being opened. Open a new session if the agent may go on.";
