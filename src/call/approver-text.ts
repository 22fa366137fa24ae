import type { Masker } from "../masking/index.js";

/**
 * Text as approvers are shown it. Bytes that are no text, such as those of an image, hold NULs, between which no detector
 * finds anything: what is between them is looked at, and then all of it without them, as where each letter has one (UTF-16).
 */
export function approverText(masker: Masker, text: string): string {
  if (!text.includes("\0")) return masker.mask(text).text;
  const pieces = text.split("\0").map((piece) => (piece === "" ? piece : masker.mask(piece).text));
  const joined = pieces.join("");
  const masked = masker.mask(joined).text;
  return masked === joined ? pieces.join("\0") : masked;
}
