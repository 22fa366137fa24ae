const REDACTED = "[secret]";

let read: (secret: Secret) => string;
let seal: (secret: Secret) => void;

/**
 * A string that does not show itself: printing, concatenating, inspecting, serialising and cloning give `[secret]` or
 * nothing. Only {@link Secret.reveal} gives the value, so that every place that uses one can be found by its name.
 * It is no protection from code that holds the secret and means to read it.
 */
export class Secret {
  readonly #value: string;
  #isSealed = false;

  /** Throws a `TypeError` for anything but a non-empty string, without naming what it was given. */
  constructor(value: string) {
    if (typeof value !== "string" || value.length === 0) throw new TypeError("a secret must be a non-empty string");
    this.#value = value;
  }

  /** The value, for the moment it is put on the wire. @throws TypeError for one that a provider of this package has read. */
  reveal(): string {
    if (this.#isSealed) throw new TypeError("this secret shows itself to the guard only");
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
    // One of another copy of the package has a private field of another class.
    read = (secret) => (#value in secret ? secret.#value : (secret as Secret).reveal());
    seal = (secret) => {
      secret.#isSealed = true;
    };
    // As a method it would need a computed name, which declarations cannot spell.
    Object.defineProperty(Secret.prototype, Symbol.for("nodejs.util.inspect.custom"), { value: () => REDACTED });
    // Nothing of it can be replaced, and what it lacks (a promise asks for `then`) is not looked for on Object.prototype.
    Object.setPrototypeOf(Secret.prototype, null);
    Object.freeze(Secret.prototype);
  }
}

/** A secret that shows its value to this room only, since it passes through promises whose methods can be replaced. */
export function sealedSecret(value: string): Secret {
  const secret = new Secret(value);
  seal(secret);
  return secret;
}

/** The value of any secret, for the broker and its providers. */
export const revealed = (secret: Secret): string => read(secret);
