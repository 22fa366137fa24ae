import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { DIGIT, is, LETTER, latin1, utf8 } from "../bytes.js";
import { type Detector, NONE, type Probe, type Verdict } from "../probe.js";
import { keccak256 } from "./keccak.js";

const KIND = "CRYPTO_WALLET";
const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
/** Of the main and the test network. */
const VERSIONS: ReadonlySet<number> = new Set([0x00, 0x05, 0x6f, 0xc4]);
const SHORTEST = 26;
const LONGEST = 35;
const LONGEST_BECH32 = 90;

/** Addresses of Bitcoin in bech32 (BIP 173, 350), and of Ethereum (EIP-55: in mixed case, the case is a checksum). */
export const walletDetector: Detector = {
  literals: ["bc1", "tb1", "0x"],
  probe(at, start): Verdict {
    const { bytes, end } = at;
    if (!at.edge(start)) return NONE;
    let stop = start;
    while (stop < end && stop - start <= LONGEST_BECH32 && is(bytes[stop], DIGIT | LETTER)) stop++;
    if (stop === end && stop - start <= LONGEST_BECH32 && !at.final) return at.more(start);
    const text = latin1(bytes, start, stop);
    const fits = text.startsWith("0x") ? ethereum(text) : bech32(text);
    return fits ? at.match(KIND, start, stop) : NONE;
  },
};

/** Addresses of Bitcoin in base58 (a version, a hash, a checksum); asked at the first digit in them. */
export function base58Wallet(at: Probe, digit: number): Verdict {
  const { bytes, floor, end } = at;
  let start = digit;
  while (start > floor && digit - start < LONGEST && is(bytes[start - 1], LETTER)) start--;
  const first = bytes[start];
  // 1 and 3, and m, n and 2 of the test network
  if (first !== 0x31 && first !== 0x33 && first !== 0x6d && first !== 0x6e && first !== 0x32) return NONE;
  if (!at.edge(start)) return NONE;
  let stop = digit;
  while (stop < end && stop - start <= LONGEST && is(bytes[stop], DIGIT | LETTER)) stop++;
  if (stop === end && stop - start <= LONGEST && !at.final) return at.more(start);
  if (stop - start < SHORTEST || stop - start > LONGEST) return NONE;
  return base58Check(latin1(bytes, start, stop)) ? at.match(KIND, start, stop) : NONE;
}

function base58Check(text: string): boolean {
  let value = 0n;
  for (const character of text) {
    const digit = ALPHABET.indexOf(character);
    if (digit < 0) return false;
    value = value * 58n + BigInt(digit);
  }
  const hex = value.toString(16);
  if (hex.length > 50) return false;
  const bytes = Buffer.from(hex.padStart(50, "0"), "hex");
  const sha256 = (input: Uint8Array): Buffer => createHash("sha256").update(input).digest();
  return (
    VERSIONS.has(bytes[0] as number) &&
    sha256(sha256(bytes.subarray(0, 21)))
      .subarray(0, 4)
      .equals(bytes.subarray(21))
  );
}

const BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const GENERATOR = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3];

function bech32(text: string): boolean {
  if (text.length < 42 || text.length > LONGEST_BECH32) return false;
  const values = [
    3,
    3,
    0,
    text.charCodeAt(0) & 31,
    text.charCodeAt(1) & 31,
    ...Array.from(text.slice(3), (character) => BECH32.indexOf(character)),
  ];
  if (values.includes(-1)) return false;
  let check = 1;
  for (const value of values) {
    const top = check >>> 25;
    check = ((check & 0x1ffffff) << 5) ^ value;
    for (let i = 0; i < 5; i++) if (((top >>> i) & 1) === 1) check ^= GENERATOR[i] as number;
  }
  return check === 1 || check === 0x2bc830a3;
}

function ethereum(text: string): boolean {
  if (!/^0x[0-9A-Fa-f]{40}$/.test(text)) return false;
  const body = text.slice(2);
  const lower = body.toLowerCase();
  if (body === lower || body === body.toUpperCase()) return true;
  const hash = Buffer.from(keccak256(utf8(lower))).toString("hex");
  return Array.from(body).every(
    (character, i) =>
      !/[A-Za-z]/.test(character) ||
      (character === character.toUpperCase()) === Number.parseInt(hash.charAt(i), 16) >= 8,
  );
}
