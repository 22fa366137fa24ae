/** Bytes of JSON (RFC 8259). */
export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_ARRAY = 0x5b;
export const BACKSLASH = 0x5c;
export const CLOSE_ARRAY = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;

/** White space, the record separator of RFC 7464, and what ends a number or a word. */
export const SPACE = 1;
export const ENDS_WORD = 2;
export const KINDS: Uint8Array = new Uint8Array(256);
for (const character of " \t\n\r\u001e") KINDS[character.charCodeAt(0)] = SPACE;
for (const character of '{}[],:"') KINDS[character.charCodeAt(0)] = ENDS_WORD;

/** Instead of an index: the rest has to wait for more bytes. */
export const WAIT = -1;
