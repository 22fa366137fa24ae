import { Buffer } from "node:buffer";
import { BASE64URL, CLASS, latin1, swallowing } from "../bytes.js";
import { type Detector, NONE, type Verdict } from "../probe.js";
import type { NameRule } from "./context.js";

/** A longer header (certificates in `x5c`) is judged by its beginning, so that little is held back. */
const HEADER_IN_SIGHT = 256;
const DOT = 0x2e;
const HEADER_PARAMETER = /"(?:alg|enc|kid|typ|cty|jku|jwk|x5[ctu]|zip|crit)"\s*:/;

/** Whatever continues a token once its header is recognised: parts of base64url and the dots between them. */
const JWT_SWALLOW: Uint8Array = swallowing(BASE64URL, ".=");

/**
 * JSON Web Tokens in compact form (RFC 7515, 7516): a header that decodes to a JSON object with one of the registered
 * parameters, and at least one more part. `alg: none` is a token like any other.
 */
export const jwtDetector: Detector = {
  literals: ["eyJ"],
  probe(at, start, afterLiteral): Verdict {
    const { bytes, end } = at;
    if (bytes[start] !== 0x65 || !at.edge(start)) return NONE;
    let stop = afterLiteral;
    const limit = Math.min(end, start + HEADER_IN_SIGHT);
    while (stop < limit && ((CLASS[bytes[stop] as number] as number) & BASE64URL) !== 0) stop++;
    if (stop === limit && limit === end && end < start + HEADER_IN_SIGHT) return at.more(start);
    if (stop === limit)
      return isHeaderBeginning(latin1(bytes, start, stop)) ? at.open("JWT", start, stop, JWT_SWALLOW) : NONE;
    if (bytes[stop] !== DOT || !isHeader(latin1(bytes, start, stop))) return NONE;
    if (stop + 1 >= end) return at.more(start);
    const next = bytes[stop + 1] as number;
    return ((CLASS[next] as number) & BASE64URL) === 0 ? NONE : at.open("JWT", start, stop + 2, JWT_SWALLOW);
  },
};

const decode = (part: string): string => Buffer.from(part, "base64url").toString("utf8");

function isHeader(part: string): boolean {
  try {
    const header: unknown = JSON.parse(decode(part));
    return typeof header === "object" && header !== null && HEADER_PARAMETER.test(JSON.stringify(header));
  } catch {
    return false;
  }
}

const isHeaderBeginning = (part: string): boolean => HEADER_PARAMETER.test(decode(part));

/** Whether a text begins with a header and its dot, or with so much of a header that the dot is not in it. */
export function beginsToken(text: string): boolean {
  const [, header = "", dot] = /^(eyJ[\w-]{8,})(\.[\w-])?/.exec(text) ?? [];
  return dot === undefined ? header.length > 100 && isHeaderBeginning(header) : isHeader(header);
}

/** A token whose header does not decode is still one where its name says so. */
export const jwtNameRule: NameRule = {
  keywords: ["jwt"],
  judge: (_name, value) =>
    /^ey[\w-]{10,100}\.ey[\w-]{10,100}(?:\.[\w-]{0,100})?$/.test(value) ? { kind: "JWT" } : null,
};
