import { latin1 } from "../bytes.js";
import { type Detector, NONE, type Verdict } from "../probe.js";

/** How far from the command its option may be. */
const IN_SIGHT = 256;
const OPTION = /[ \t](?:-u|--user)(?:=|[ \t]{0,5})/;
/** `"user:password"`, `'user:password'`, `"user":"password"`, `user:password`. */
const CREDENTIALS =
  /^(?:"[^"]{0,80}":"[^"]{3,80}"|"[^":]{0,80}:[^"]{3,80}"|'[^':]{1,80}:[^']{3,80}'|[\w.@$+-]{1,80}:[\w.@$+!%^*=-]{3,80})(?=[\s\\]|$)/;
/** Whoever reads it is to put his own there. */
const PLACEHOLDER =
  /[<[]|[$%]?\{\{|^[^:]*:["']?[$]\{?\w+\}?["']?$|\$\(|:["']?(?:change(?:it|me)|pass(?:word)?|pwd|test|token|\*+|x+|y+)["']?$/i;

/** What `curl -u` is given (curl.se/docs/manpage.html#-u). */
export const curlUserDetector: Detector = {
  literals: ["curl "],
  probe(at, start, afterLiteral): Verdict {
    const { bytes, end } = at;
    if (!at.edge(start)) return NONE;
    const limit = Math.min(end, start + IN_SIGHT);
    if (limit === end && end < start + IN_SIGHT && !at.final) return at.more(start);
    const seen = latin1(bytes, afterLiteral - 1, limit);
    const option = OPTION.exec(seen);
    if (option === null) return NONE;
    const from = option.index + option[0].length;
    const found = CREDENTIALS.exec(seen.slice(from));
    if (found === null || PLACEHOLDER.test(found[0])) return NONE;
    const verdict = at.match("SECRET", afterLiteral - 1 + from, afterLiteral - 1 + from + found[0].length);
    at.vendor = "basic_credentials";
    return verdict;
  },
};
