/** One part of a form (RFC 7578). `content` is a view of the body, not a copy. */
export interface FormPart {
  readonly name: string;
  readonly filename: string | null;
  readonly contentType: string | null;
  readonly content: Uint8Array;
}

const BOUNDARY = /^[A-Za-z0-9'()+_,\-./:=?]{1,70}$/;
const DISPOSITION = /^form-data; ?name="([^"\\\p{Cc}]*)"(?:; ?filename="([^"\\\p{Cc}]*)")?$/iu;
const MAX_PARTS = 1000;
const MAX_HEAD_BYTES = 4096;

/**
 * Splits a multipart/form-data body, or answers null on any doubt: a preamble, an epilogue, the boundary anywhere but on
 * a line of its own with CRLF, a header besides disposition and type, a quoted or control character, `filename*`, a
 * transfer encoding. What one server reads as content and another as a boundary must not be given a name by us.
 */
export function readMultipart(bytes: Uint8Array, boundary: string): readonly FormPart[] | null {
  if (!BOUNDARY.test(boundary)) return null;
  const body = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const delimiter = `--${boundary}`;
  if (body.indexOf(delimiter) !== 0) return null;
  const parts: FormPart[] = [];
  let at = delimiter.length;
  for (;;) {
    const after = body.toString("latin1", at, at + 2);
    if (after === "--") {
      const rest = body.toString("latin1", at + 2);
      return parts.length > 0 && (rest === "" || rest === "\r\n") ? parts : null;
    }
    if (after !== "\r\n" || parts.length === MAX_PARTS) return null;
    const start = at + 2;
    const end = body.indexOf(delimiter, start);
    if (end === -1 || body.toString("latin1", end - 2, end) !== "\r\n") return null;
    const part = readPart(body.subarray(start, Math.max(start, end - 2)));
    if (part === null) return null;
    parts.push(part);
    at = end + delimiter.length;
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function readPart(part: Buffer): FormPart | null {
  const headEnd = part.subarray(0, MAX_HEAD_BYTES).indexOf("\r\n\r\n");
  if (headEnd === -1) return null;
  let head: string;
  try {
    head = utf8.decode(part.subarray(0, headEnd));
  } catch {
    return null;
  }
  const fields = new Map<string, string>();
  for (const line of head.split("\r\n")) {
    const match = /^(content-disposition|content-type): ?([^\r\n\0]*)$/i.exec(line);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || fields.has(name)) return null;
    fields.set(name, match[2] ?? "");
  }
  const disposition = DISPOSITION.exec(fields.get("content-disposition") ?? "");
  if (disposition?.[1] === undefined) return null;
  return {
    name: disposition[1],
    filename: disposition[2] ?? null,
    contentType: fields.get("content-type") ?? null,
    content: part.subarray(headEnd + 4),
  };
}
