import type { SecureContext } from "node:tls";
import type { Report } from "./transport-options.js";

/** Whom a service's connections trust, and who they are. Given in code, not in the policy: a key is a secret. */
export interface TlsOptions {
  /** PEM certificates of the authorities that vouch for this service, and no others: not the public ones either. */
  readonly ca?: string | readonly string[];
  /** The client certificate in PEM, with the chain behind it. Needs `key`. */
  readonly cert?: string;
  /** Its private key in PEM. Used once, when the transport is made; kept in no object that JavaScript can read. */
  readonly key?: string;
  /** What an encrypted `key` is encrypted with. */
  readonly passphrase?: string;
  /** The name to ask for, and to find in the certificate, in place of the host of the URL. */
  readonly servername?: string;
}

/** TLS settings as connections take them. The context is OpenSSL's, and gives nothing back. */
export interface ServiceTls {
  /** Null where only the name is another. */
  readonly context: SecureContext | null;
  readonly servername: string | undefined;
  /** Whether the service is shown a certificate of ours. */
  readonly isCertified: boolean;
}

export const isPem = (text: unknown): boolean =>
  typeof text === "string" && text.includes("-----BEGIN CERTIFICATE-----");

const KNOWN: ReadonlySet<string> = new Set(["ca", "cert", "key", "passphrase", "servername"]);
const NAME =
  /^(?=.{1,253}$)[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?(?:\.[A-Za-z0-9_](?:[A-Za-z0-9_-]*[A-Za-z0-9_])?)*$/;

/** Makes them, or reports what is wrong: by place and kind, never with a value. */
export function tlsOf(options: Readonly<Record<string, unknown>>, pointer: string, report: Report): ServiceTls | null {
  let isSound = true;
  const wrong: Report = (place, message) => {
    isSound = false;
    report(pointer + place, message);
  };
  for (const [name, value] of Object.entries(options)) {
    if (!KNOWN.has(name)) wrong(`/${name}`, "is not a known option");
    // A variable that is not set would have everybody trusted, or nobody shown.
    else if (value === undefined) wrong(`/${name}`, "is undefined: give a value, or leave it out");
  }
  const { ca, cert, key, passphrase, servername } = options;
  if (ca !== undefined && !(Array.isArray(ca) ? ca.length > 0 && ca.every(isPem) : isPem(ca)))
    wrong("/ca", "must be PEM certificates");
  if (cert !== undefined && !isPem(cert)) wrong("/cert", "must be a PEM certificate");
  if (key !== undefined && !(typeof key === "string" && key.includes("PRIVATE KEY-----")))
    wrong("/key", "must be a private key in PEM");
  if (passphrase !== undefined && typeof passphrase !== "string") wrong("/passphrase", "must be a text");
  if ((cert === undefined) !== (key === undefined))
    wrong("", "needs both of `cert` and `key`, or neither: one proves nothing without the other");
  if (servername !== undefined && !(typeof servername === "string" && NAME.test(servername)))
    wrong("/servername", "must be a host name");
  if (!isSound) return null;
  const context = ca === undefined && cert === undefined ? null : contextOf({ ca, cert, key, passphrase }, wrong);
  return { context, servername: servername as string | undefined, isCertified: cert !== undefined };
}

function contextOf(material: Readonly<Record<string, unknown>>, wrong: Report): SecureContext | null {
  try {
    // Asked for here, and not imported: loading it takes longer than making a guard does.
    return process.getBuiltinModule("node:tls").createSecureContext(material);
  } catch (error) {
    // Only the code: OpenSSL's words are not ours to vouch for.
    const code = (error as { readonly code?: unknown }).code;
    wrong("", `cannot be used: certificates or key are broken, or do not fit (${String(code ?? "unknown")})`);
    return null;
  }
}
