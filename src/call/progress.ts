import { Sending } from "../transport/index.js";

/**
 * How far one hop has got, over all its sendings. Kept for the hop by the guard itself: what is given back of grants and
 * limits is decided by this, and by nothing that anybody throws.
 */
export class Progress {
  readonly #sendings: Sending[] = [];

  /** The next sending of the hop. */
  begin(): Sending {
    const sending = new Sending();
    this.#sendings.push(sending);
    return sending;
  }

  /** Whether a byte of any of them may have left. */
  get mayHaveLeft(): boolean {
    return this.#sendings.some(({ mayHaveLeft }) => mayHaveLeft);
  }
}
