import { isWord } from "../bytes.js";
import { type Detector, NONE, type Verdict } from "../probe.js";

const LONGEST_USERINFO = 256;

/** The password of `scheme://user:password@host`; a template such as `${PASSWORD}`, `{{password}}` or `<password>` is none. */
export const urlCredentialsDetector: Detector = {
  literals: ["://"],
  probe(at, start, afterLiteral): Verdict {
    const { bytes, end } = at;
    if (start === at.floor || !isWord(bytes[start - 1])) return NONE;
    let colon = 0;
    for (let i = afterLiteral; i < afterLiteral + LONGEST_USERINFO; i++) {
      if (i >= end) return at.more(afterLiteral);
      const byte = bytes[i] as number;
      if (byte === 0x40) return colon === 0 || i === colon + 1 ? NONE : at.match("URL_CREDENTIALS", colon + 1, i);
      if (byte === 0x3a && colon === 0) colon = i;
      // white space, quotes, < > / ? # [ ] { } \ end it
      if (byte <= 0x20 || "\"'`<>/?#[]{}\\".includes(String.fromCharCode(byte))) return NONE;
    }
    return NONE;
  },
};
