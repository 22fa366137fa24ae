const FAULTS = {
  UND_ERR_HEADERS_TIMEOUT: "the header took too long",
  UND_ERR_HEADERS_OVERFLOW: "too many informational responses",
} as const;

/** Why there is no response: in undici's words, which has the same faults. */
export class HeaderFault extends Error {
  override readonly name: string = "HeaderFault";
  readonly code: keyof typeof FAULTS;
  constructor(code: keyof typeof FAULTS) {
    super(FAULTS[code]);
    this.code = code;
  }
}

/** Informational responses (1xx) to one request. Servers send a handful. */
const MOST_HINTS = 64;

/**
 * One deadline for the final header of a response, whatever informational responses come before it: a server that sends
 * hints for ever would hold its caller for ever. The time runs from the last progress of the request itself.
 */
export class HeaderDeadline {
  readonly #limitMs: number;
  readonly #onLate: () => void;
  #since = 0;
  #hints = 0;
  #timer: NodeJS.Timeout | undefined;
  #isSending: () => boolean = () => false;

  constructor(limitMs: number, onLate: () => void) {
    this.#limitMs = limitMs;
    this.#onLate = onLate;
  }

  /** The request was sent, or a piece of it. */
  progress(): void {
    this.#since = performance.now();
  }

  /** `isSending`: whether the caller is the one who is waited for. */
  watch(isSending: () => boolean): void {
    if (this.#limitMs === 0 || this.#timer !== undefined) return;
    this.#isSending = isSending;
    this.#check();
  }

  /** Counts one more informational response; true where there are too many. */
  isFlooded(): boolean {
    return ++this.#hints > MOST_HINTS;
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #check(): void {
    if (this.#isSending()) this.progress();
    const left = this.#since + this.#limitMs - performance.now();
    if (left <= 0) this.#onLate();
    else this.#timer = setTimeout(() => this.#check(), left);
  }
}
