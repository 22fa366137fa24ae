import { createDpopKey, type DpopKey, NonceBook, type OwnedDpopKey } from "./dpop.js";

/** What a session proves possession with: made when it is first needed, destroyed when the session ends. */
export interface SessionKeys {
  /** The session's one key. */
  of(sessionId: string): DpopKey | Promise<DpopKey>;
  nonces(sessionId: string): NonceBook;
  destroy(sessionId: string): void;
}

interface Keyring {
  readonly nonces: NonceBook;
  key?: OwnedDpopKey;
  making?: Promise<OwnedDpopKey>;
  isDestroyed: boolean;
}

/** Keys for the sessions of one broker. */
export function createSessionKeys(): SessionKeys {
  const rings = new Map<string, Keyring>();
  const ringOf = (sessionId: string): Keyring => {
    const known = rings.get(sessionId);
    if (known !== undefined) return known;
    const ring: Keyring = { nonces: new NonceBook(), isDestroyed: false };
    rings.set(sessionId, ring);
    return ring;
  };
  return {
    of(sessionId) {
      const ring = ringOf(sessionId);
      if (ring.key !== undefined) return ring.key;
      ring.making ??= createDpopKey().then((key) => {
        if (ring.isDestroyed) key.destroy();
        ring.key = key;
        return key;
      });
      return ring.making;
    },
    nonces: (sessionId) => ringOf(sessionId).nonces,
    destroy(sessionId) {
      const ring = rings.get(sessionId);
      if (ring === undefined) return;
      ring.isDestroyed = true;
      ring.key?.destroy();
      rings.delete(sessionId);
    },
  };
}
