/** How many characters are looked at in order to see that a known secret may begin: five, of six bits each. */
export const GRAM = 5;
export const GRAM_MASK: number = 2 ** 30 - 1;
/** Set for a byte after which the text may stand for another one: `%`, `&`, `\`, and line ends, over which base64 goes on. */
export const SPECIAL = 64;

/**
 * The six bits of each byte. Letters are alike in both cases and the two alphabets of base64 are one, so that the digits of
 * base64 and hex, and names that a protocol writes in lower case, need no table of their own. No byte is 0: nothing has been
 * read yet is 0.
 */
export const CODES: Uint8Array = codes();

function codes(): Uint8Array {
  const table = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) table[byte] = 48 + (byte & 15);
  for (let i = 0; i < 26; i++) {
    table[0x41 + i] = 1 + i;
    table[0x61 + i] = 1 + i;
  }
  for (let i = 0; i < 10; i++) table[0x30 + i] = 27 + i;
  const alike = ["-+ ", "_/", ".", "~", "=", ":", "!", "@", "$", "*", ","];
  for (let i = 0; i < alike.length; i++) {
    const characters = alike[i] as string;
    for (let k = 0; k < characters.length; k++) table[characters.charCodeAt(k)] = 37 + i;
  }
  for (const byte of [0x25, 0x26, 0x5c, 0x0a, 0x0d]) table[byte] = (table[byte] as number) | SPECIAL;
  return table;
}

export const codeOf = (byte: number): number => (CODES[byte] as number) & 63;

/** The gram of the first five of `length` bytes, of which there are no fewer. */
export function gramOf(bytes: ArrayLike<number>, length: number): number {
  if (length < GRAM) throw new RangeError("too short for a gram");
  let gram = 0;
  for (let i = 0; i < GRAM; i++) gram = (gram << 6) | codeOf(bytes[i] as number);
  return gram;
}
