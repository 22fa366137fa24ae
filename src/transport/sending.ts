/** A fault in the words of the record: the class of the error that was thrown, and the code of the system, TLS or HTTP. */
export interface Fault {
  readonly class: string;
  readonly code: string;
}

/**
 * How far one sending of a request got. The transport keeps it for the call that sends, and it is the only word on whether
 * something left: an error says nothing about that, since an agent can abort with an error that it kept from another call,
 * and a body or a `fetch` that somebody supplies can throw whatever it likes.
 */
export class Sending {
  #mayHaveLeft = false;
  #fault: Fault | undefined;

  /** Whether a byte of the request may have left. Once true, it stays true. */
  get mayHaveLeft(): boolean {
    return this.#mayHaveLeft;
  }

  /** What ended it, as the transport saw it; undefined while nothing did, and after an abort. */
  get fault(): Fault | undefined {
    return this.#fault;
  }

  /** From now on, bytes may be on their way. */
  leaves(): void {
    this.#mayHaveLeft = true;
  }

  /** Notes the first fault: what follows from it is no news. */
  failed(fault: Fault): void {
    this.#fault ??= fault;
  }
}
