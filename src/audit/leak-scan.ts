import { KnownSecrets } from "../masking/known/known-secrets.js";
import { isArray, joined } from "../request/captured.js";

/** Looks for live secrets in text that is about to be written. Holds no secret longer than its owner names it. */
export interface LeakScanner {
  /** True where `text` (raw, or JSON) contains a live secret, in any encoding that responses are searched for. */
  finds(text: string): boolean;
}

/** The secrets that are live at the moment: a set that is kept up to date, or a list that is compared with the last one. */
export type NamedSecrets = () => Iterable<string> | KnownSecrets;

/** A scanner over the secrets that are live at the moment of each look. */
export function createLeakScanner(secrets: NamedSecrets): LeakScanner {
  let known = new KnownSecrets();
  let last: readonly string[] = [];
  return {
    finds(text) {
      const named = secrets();
      if (named instanceof KnownSecrets) return named.isIn(text);
      // By index and by functions taken at load: a replaced method would be handed every secret with every event.
      const list = isArray(named) ? (named as readonly string[]) : [...named];
      if (!isSame(list, last)) {
        known = KnownSecrets.of(list);
        last = joined(list);
      }
      return known.isIn(text);
    },
  };
}

function isSame(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
