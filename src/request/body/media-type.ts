/** A parsed media type (RFC 9110 section 8.3.1): `essence` is `type/subtype` in lower case. */
export interface MediaType {
  readonly essence: string;
  readonly parameters: ReadonlyMap<string, string>;
}

const ESSENCE = /^[!#$%&'*+\-.^_`|~0-9a-z]+\/[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const PARAMETER =
  /;[\t ]*(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)=(?:([!#$%&'*+\-.^_`|~0-9A-Za-z]+)|"((?:[^"\\\r\n]|\\[\t\x20-\x7e])*)"))?[\t ]*/y;

/** Parses strictly: a joined list (`application/json, text/plain`), a repeated parameter or trailing text gives null. */
export function parseMediaType(text: string): MediaType | null {
  if (text.length > 1024) return null;
  const end = text.indexOf(";");
  const essence = (end === -1 ? text : text.slice(0, end)).trim().toLowerCase();
  if (!ESSENCE.test(essence)) return null;
  const parameters = new Map<string, string>();
  let at = end === -1 ? text.length : end;
  while (at < text.length) {
    PARAMETER.lastIndex = at;
    const match = PARAMETER.exec(text);
    if (match === null) return null;
    at = PARAMETER.lastIndex;
    const name = match[1]?.toLowerCase();
    if (name === undefined) continue;
    if (parameters.has(name)) return null;
    parameters.set(name, match[2] ?? (match[3] ?? "").replace(/\\(.)/g, "$1"));
  }
  return { essence, parameters };
}

/** Whether the essence says JSON: `application/json`, `text/json` or a `+json` suffix (RFC 6839). */
export const isJson = (essence: string): boolean =>
  essence === "application/json" || essence === "text/json" || essence.endsWith("+json");

/** Whether the essence says a URL-encoded form. */
export const isForm = (essence: string): boolean => essence === "application/x-www-form-urlencoded";
