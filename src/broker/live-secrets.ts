import { append, freeze, isArray, mapForEach, mapGet, mapSet } from "../request/captured.js";
import { dropOldest } from "./drop-oldest.js";
import type { BrokerSession, CredentialProvider } from "./provider.js";
import { revealed, type Secret } from "./secret.js";

/** What answers are searched for: whatever of a secret could come back in one. */
export interface LiveSecrets {
  /** Every live secret of at least eight characters: the same list until something changes. */
  list(): readonly string[];
  /** Keeps the identity token of a session that goes on. */
  noteSubject(session: BrokerSession): void;
  forgetSubject(sessionId: string): void;
  /** Sessions whose identity token is kept. */
  sessions(): Iterable<string>;
}

/** Nothing shorter is searched for in answers: it would be found everywhere. */
const SHORTEST_SEARCHED = 8;

/** `issued` are the secrets of what was issued, and `limit` is how many identity tokens are kept at most. */
export function createLiveSecrets(
  issued: () => readonly string[],
  providers: Iterable<CredentialProvider>,
  limit: number,
): LiveSecrets {
  const subjectTokens = new Map<string, Secret>();
  const sources = freeze([...providers]);
  let listed: readonly string[] = freeze([]);

  /** By index and by functions taken at load: they pass with every answer. */
  const eachSecret = (visit: (secret: string) => void): void => {
    const visitAll = (secrets: readonly string[]): void => {
      for (let at = 0; at < secrets.length; at++) {
        const secret = secrets[at] as string;
        if (secret.length >= SHORTEST_SEARCHED) visit(secret);
      }
    };
    visitAll(issued());
    mapForEach(subjectTokens, (subject) => visitAll([revealed(subject)]));
    for (let at = 0; at < sources.length; at++) {
      const known = sources[at]?.secrets?.() ?? [];
      visitAll(isArray(known) ? known : [...known]);
    }
  };

  /** Whether the last list still holds: it nearly always does, and is asked for several times in each call. */
  const isListed = (): boolean => {
    let count = 0;
    let same = true;
    eachSecret((secret) => {
      // Never beyond its end: `Array.prototype` would be asked.
      same &&= count < listed.length && listed[count] === secret;
      count++;
    });
    return same && count === listed.length;
  };

  return {
    list() {
      if (isListed()) return listed;
      const found: string[] = [];
      eachSecret((secret) => append(found, secret));
      listed = freeze(found);
      return listed;
    },
    noteSubject({ id, subjectToken }) {
      if (subjectToken === undefined || mapGet(subjectTokens, id) === subjectToken) return;
      mapSet(subjectTokens, id, subjectToken);
      dropOldest(subjectTokens, limit);
    },
    forgetSubject: (sessionId) => void subjectTokens.delete(sessionId),
    sessions: () => subjectTokens.keys(),
  };
}
