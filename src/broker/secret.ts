const REDACTED = "[secret]";

/**
 * A string that does not show itself: printing, concatenating, inspecting, serialising and cloning give `[secret]` or
 * nothing. Only {@link Secret.reveal} gives the value, so that every place that uses one can be found by its name.
 * It is no protection from code that holds the secret and means to read it.
 */
export class Secret {
  readonly #value: string;

  /** Throws a `TypeError` for anything but a non-empty string, without naming what it was given. */
  constructor(value: string) {
    if (typeof value !== "string" || value.length === 0) throw new TypeError("a secret must be a non-empty string");
    this.#value = value;
  }

  /** The value, for the moment it is put on the wire. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [Symbol.toPrimitive](): string {
    return REDACTED;
  }

  static {
    // As a method it would need a computed name, which declarations cannot spell.
    Object.defineProperty(Secret.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: () => REDACTED });
  }
}
