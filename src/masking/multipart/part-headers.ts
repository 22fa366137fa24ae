import { latin1 } from "../bytes.js";

/** What the header fields of a part say of its body (RFC 2046, RFC 7578). */
export interface PartHeaders {
  readonly contentType: string;
  /** Whether the body is written in another way than as it is: base64, quoted-printable. */
  readonly isEncoded: boolean;
  /** One character per byte; null without one. */
  readonly name: string | null;
  readonly isFile: boolean;
}

const IDENTITY: ReadonlySet<string> = new Set(["7bit", "8bit", "binary"]);

/**
 * Reads a header section, lines with their ends. Null where two readers might read two things: fields or names that are
 * there twice, and lines that are none.
 */
export function readPartHeaders(bytes: Uint8Array): PartHeaders | null {
  const text = latin1(bytes, 0, bytes.length);
  if (/\r(?!\n)|\0/.test(text)) return null;
  const fields = new Map<string, string>();
  for (const line of text.replace(/\r?\n[ \t]+/g, " ").split(/\r?\n/)) {
    if (line === "") continue;
    const [, name, value] = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*(.*)$/.exec(line) ?? [];
    if (name === undefined || fields.has(name.toLowerCase())) return null;
    fields.set(name.toLowerCase(), (value ?? "").trim());
  }
  const disposition = fields.get("content-disposition") ?? "";
  const names = [...disposition.matchAll(/;\s*name\s*=\s*(?:"([^"]*)"|([^\s;"]+))/gi)];
  if (names.length > 1) return null;
  const encoding = (fields.get("content-transfer-encoding") ?? "8bit").toLowerCase();
  return {
    contentType: fields.get("content-type") ?? "text/plain",
    isEncoded: !IDENTITY.has(encoding) || fields.has("content-encoding"),
    name: names[0] === undefined ? null : (names[0][1] ?? names[0][2] ?? ""),
    isFile: /;\s*filename\*?\s*=/i.test(disposition),
  };
}
