/** Check digits, on texts without separators, in upper case. */

const digit = (text: string, i: number): number => text.charCodeAt(i) - 0x30;

/** Sum of digits times weights. */
export function weighted(text: string, weights: readonly number[]): number {
  return weights.reduce((sum, weight, i) => sum + weight * digit(text, i), 0);
}

/** ISO/IEC 7812-1, annex B. */
export function luhn(text: string): boolean {
  let sum = 0;
  for (let i = text.length - 1, double = false; i >= 0; i--, double = !double) {
    const value = digit(text, i);
    sum += double ? (value > 4 ? value * 2 - 9 : value * 2) : value;
  }
  return sum % 10 === 0;
}

/** ISO 7064, MOD 11,10: the last digit checks the others. */
export function mod1110(text: string): boolean {
  let product = 10;
  for (let i = 0; i < text.length - 1; i++) {
    const sum = (digit(text, i) + product) % 10;
    product = ((sum === 0 ? 10 : sum) * 2) % 11;
  }
  return (11 - product) % 10 === digit(text, text.length - 1);
}

/** ISO 7064, MOD 97 over a number of any length. */
export function mod97(text: string): number {
  let rest = 0;
  for (let i = 0; i < text.length; i++) rest = (rest * 10 + digit(text, i)) % 97;
  return rest;
}

const VERHOEFF_PRODUCT = [
  "0123456789",
  "1234067895",
  "2340178956",
  "3401289567",
  "4012395678",
  "5987604321",
  "6598710432",
  "7659821043",
  "8765932104",
  "9876543210",
];
const VERHOEFF_SHIFT = [
  "0123456789",
  "1576283094",
  "5803796142",
  "8916043527",
  "9453126870",
  "4286573901",
  "2793806415",
  "7046913258",
];

/** Verhoeff's scheme over the dihedral group of ten elements. */
export function verhoeff(text: string): boolean {
  let check = 0;
  for (let i = 0; i < text.length; i++) {
    const shifted = Number((VERHOEFF_SHIFT[i % 8] as string).charAt(digit(text, text.length - 1 - i)));
    check = Number((VERHOEFF_PRODUCT[check] as string).charAt(shifted));
  }
  return check === 0;
}

/** Whether there is such a day; of the year only the last digits are looked at, and February has 29. */
export function isDay(month: number, day: number): boolean {
  return month >= 1 && month <= 12 && day >= 1 && day <= (month === 2 ? 29 : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

/** The number in `text` from `from`, `length` digits long. */
export const part = (text: string, from: number, length: number): number => Number(text.slice(from, from + length));

/** All digits alike, or one after the other: nobody has such a number. */
export const isMonotone = (text: string): boolean => /^(.)\1*$/.test(text);
