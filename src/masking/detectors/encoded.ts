import { Buffer } from "node:buffer";
import { BASE64URL, is, latin1, swallowing } from "../bytes.js";
import { type Detector, NONE, type Probe, type Verdict } from "../probe.js";
import type { NameRule } from "./context.js";
import { beginsToken } from "./jwt.js";

/** base64 and base64url, with padding. */
const SWALLOW: Uint8Array = swallowing(BASE64URL, "+/=");
/** Enough for a PEM label, and for most headers of a token. */
const IN_SIGHT = 240;

/**
 * What begins like base64 of a secret whose first bytes are always the same, as Kubernetes and kubeconfig files hold
 * keys, and service accounts their tokens. Other base64 is not decoded.
 */
function encodedDetector(kind: string, literal: string, isOne: (decoded: string) => boolean): Detector {
  return {
    literals: [literal],
    probe(at, start, afterLiteral): Verdict {
      if (!at.edge(start) || latin1(at.bytes, start, afterLiteral) !== literal) return NONE;
      const stop = runEnd(at, afterLiteral, start + IN_SIGHT);
      if (stop === at.end && stop < start + IN_SIGHT && !at.final) return at.more(start);
      const decoded = Buffer.from(latin1(at.bytes, start, stop), "base64").toString("latin1");
      return isOne(decoded) ? at.open(kind, start, stop, SWALLOW) : NONE;
    },
  };
}

function runEnd({ bytes, end }: Probe, from: number, most: number): number {
  const limit = Math.min(end, most);
  let stop = from;
  while (stop < limit && (is(bytes[stop], BASE64URL) || bytes[stop] === 0x2b || bytes[stop] === 0x2f)) stop++;
  return stop;
}

export const encodedKeyDetector: Detector = encodedDetector("PRIVATE_KEY", "LS0tLS1CRUdJTi", (decoded) =>
  /^-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY/.test(decoded),
);

export const encodedTokenDetector: Detector = encodedDetector("JWT", "ZXlK", beginsToken);

/** `user:password` in base64, as registries of containers and packages keep it in `auth` and `_auth`. */
export const basicAuthRule: NameRule = {
  keywords: ["auth"],
  judge: (name, value) =>
    /(?:^|[^a-z])auth$/.test(name) &&
    /^[A-Za-z0-9+/]{8,150}={0,2}$/.test(value) &&
    /^[!-~]{1,80}:[ -~]{3,}$/.test(Buffer.from(value, "base64").toString("latin1"))
      ? { kind: "SECRET", vendor: "basic_credentials" }
      : null,
};
