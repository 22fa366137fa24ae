import { Buffer } from "node:buffer";

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
      const decoded = text.includes("%") ? percentDecoded(text) : undefined;
      let found = false;
      let live = 0;
      for (const secret of secrets()) {
        if (secret.length < SHORTEST_SECRET) continue;
        live++;
        const forms = known.get(secret) ?? formsOf(secret);
        known.set(secret, forms);
        found ||= forms.some((form) => form.length <= text.length && text.includes(form));
        found ||= decoded?.includes(secret) === true;
      }
      if (known.size > live) known = new Map();
      return found;
    },
  };
}

function percentDecoded(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_all, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** The secret as it may appear: plain, inside JSON, percent-encoded, and inside Base64 of something longer. */
function formsOf(secret: string): readonly string[] {
  const forms = new Set([secret, JSON.stringify(secret).slice(1, -1)]);
  if (!/\p{Surrogate}/u.test(secret)) {
    const encoded = encodeURIComponent(secret);
    forms.add(encoded).add(encoded.replace(/%../g, (octet) => octet.toLowerCase()));
  }
  for (let before = 0; before < 3; before++) {
    const inside = base64Inside(secret, before);
    forms.add(inside).add(inside.replaceAll("+", "-").replaceAll("/", "_"));
  }
  return [...forms];
}

/**
 * The Base64 characters that depend on the secret alone when `before` bytes (modulo 3) precede it, as in the
 * `user:password` of HTTP Basic: the first and last group also hold bits of the neighbours, and are left out.
 */
function base64Inside(secret: string, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), Buffer.from(secret, "utf8")]);
  const text = bytes.toString("base64").replace(/=+$/, "");
  return text.slice([0, 2, 3][before], bytes.length % 3 === 0 ? undefined : -1);
}
