import { KnownSecrets } from "../masking/known/known-secrets.js";
import { append, freeze, isArray, joined, mapDelete, mapForEach, mapGet, mapSet } from "../request/captured.js";
import { dropOldest } from "./drop-oldest.js";
import type { BrokerSession, CredentialProvider } from "./provider.js";
import { revealed, type Secret } from "./secret.js";

/** What responses are searched for: whatever of a secret could come back in one. */
export interface LiveSecrets {
  /** Every live secret of at least eight characters, ready to be looked for: always the same set, kept up to date. */
  known(): KnownSecrets;
  /** The same as a list, which is made anew: for whoever wants to see them all. */
  list(): readonly string[];
  /** Keeps the identity token of a session that goes on. */
  noteSubject(session: BrokerSession): void;
  forgetSubject(sessionId: string): void;
  /** Sessions whose identity token is kept. */
  sessions(): Iterable<string>;
}

/** The set that responses are searched for, for those who know when a secret comes and goes. */
export interface SearchedSecrets {
  readonly known: KnownSecrets;
  add(secret: string): void;
  /** Takes back one {@link add}. */
  remove(secret: string): void;
}

/** Nothing shorter is searched for in responses: it would be found everywhere. */
const SHORTEST_SEARCHED = 8;

export function createSearchedSecrets(): SearchedSecrets {
  const known = new KnownSecrets();
  return {
    known,
    add: (secret) => void (secret.length >= SHORTEST_SEARCHED && known.add(secret)),
    remove: (secret) => void (secret.length >= SHORTEST_SEARCHED && known.remove(secret)),
  };
}

/**
 * `issued` are the secrets of what was issued, which are in `searched` already but for what has expired since; `limit` is how
 * many identity tokens are kept at most.
 */
export function createLiveSecrets(
  searched: SearchedSecrets,
  issued: () => readonly string[],
  sweep: () => void,
  providers: Iterable<CredentialProvider>,
  limit: number,
): LiveSecrets {
  const subjectTokens = new Map<string, Secret>();
  const sources = freeze([...providers]);
  /** What each provider said last that it knows. */
  const said: (readonly string[])[] = sources.map(() => []);

  const secretsOf = (source: CredentialProvider): readonly string[] => {
    const secrets = source.secrets?.() ?? [];
    return isArray(secrets) ? secrets : [...secrets];
  };

  /** By index and by functions taken at load: they pass with every response. */
  const askProviders = (): void => {
    for (let at = 0; at < sources.length; at++) {
      const before = said[at] as readonly string[];
      const now = secretsOf(sources[at] as CredentialProvider);
      if (isSame(before, now)) continue;
      for (let i = 0; i < now.length; i++) searched.add(now[i] as string);
      for (let i = 0; i < before.length; i++) searched.remove(before[i] as string);
      said[at] = joined(now);
    }
  };

  const forget = (sessionId: string): void => {
    const token = mapGet(subjectTokens, sessionId);
    if (token === undefined) return;
    mapDelete(subjectTokens, sessionId);
    searched.remove(revealed(token));
  };

  return {
    known() {
      sweep();
      askProviders();
      return searched.known;
    },
    list() {
      const all = joined(issued());
      mapForEach(subjectTokens, (token) => append(all, revealed(token)));
      for (let at = 0; at < sources.length; at++) {
        const secrets = secretsOf(sources[at] as CredentialProvider);
        for (let i = 0; i < secrets.length; i++) append(all, secrets[i] as string);
      }
      const long: string[] = [];
      for (let i = 0; i < all.length; i++)
        if ((all[i] as string).length >= SHORTEST_SEARCHED) append(long, all[i] as string);
      return freeze(long);
    },
    noteSubject({ id, subjectToken }) {
      if (subjectToken === undefined || mapGet(subjectTokens, id) === subjectToken) return;
      forget(id);
      mapSet(subjectTokens, id, subjectToken);
      searched.add(revealed(subjectToken));
      dropOldest(subjectTokens, limit, forget);
    },
    forgetSubject: forget,
    sessions: () => subjectTokens.keys(),
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
