import { base64Inside, utf8Bytes } from "../request/body/encodings.js";
import { append, indexOf, isArray, mapGet, mapSet, mapSize, slice, toLowerCase } from "../request/captured.js";

/** Shorter values occur by chance; nothing that protects anything is shorter. */
const SHORTEST_SECRET = 6;

/** Looks for live secrets in text that is about to be written. Holds no secret longer than its owner names it. */
export interface LeakScanner {
  /** True where `text` (raw, or JSON) contains a live secret, plain or in a common encoding. */
  finds(text: string): boolean;
}

/** A scanner over the secrets that are live at the moment of each look. */
export function createLeakScanner(secrets: () => Iterable<string>): LeakScanner {
  let known = new Map<string, readonly string[]>();
  return {
    finds(text) {
      const decoded = indexOf(text, "%") === -1 ? undefined : percentDecoded(text);
      let found = false;
      let live = 0;
      const listed = secrets();
      // By index and by functions taken at load: a replaced method would be handed every secret with every event.
      const list = isArray(listed) ? (listed as readonly string[]) : [...listed];
      for (let i = 0; i < list.length; i++) {
        const secret = list[i] as string;
        if (secret.length < SHORTEST_SECRET) continue;
        live++;
        let forms = mapGet(known, secret);
        if (forms === undefined) {
          forms = formsOf(secret);
          mapSet(known, secret, forms);
        }
        for (let form = 0; form < forms.length; form++) found ||= indexOf(text, forms[form] as string) !== -1;
        found ||= decoded !== undefined && indexOf(decoded, secret) !== -1;
      }
      if (mapSize(known) > live) known = new Map();
      return found;
    },
  };
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The secret as it may appear: plain, inside JSON, percent-encoded, and inside Base64 of something longer. */
function formsOf(secret: string): readonly string[] {
  const json = stringify(secret);
  const forms = [secret];
  addForm(forms, slice(json, 1, json.length - 1));
  const bytes = utf8Bytes(secret);
  const encoded = uriEncoded(secret);
  if (encoded !== null) {
    addForm(forms, encoded);
    addForm(forms, lowerEscapes(encoded));
  }
  for (let before = 0; before < 3; before++) {
    const inside = base64Inside(bytes, before as 0 | 1 | 2);
    addForm(forms, inside[0]);
    addForm(forms, inside[1]);
  }
  return forms;
}

/** Most secrets look the same in several encodings, and each form is looked for in every line. */
function addForm(forms: string[], form: string): void {
  for (let at = 0; at < forms.length; at++) if (forms[at] === form) return;
  append(forms, form);
}

const { stringify } = JSON;
const encodeUri = encodeURIComponent;

/** Null for what has no UTF-8. */
function uriEncoded(text: string): string | null {
  try {
    return encodeUri(text);
  } catch {
    return null;
  }
}

function lowerEscapes(text: string): string {
  let lower = "";
  for (let at = 0; at < text.length; at++) {
    if (text[at] === "%") lower += toLowerCase(slice(text, at, at + 3));
    else lower += text[at];
    if (text[at] === "%") at += 2;
  }
  return lower;
}
