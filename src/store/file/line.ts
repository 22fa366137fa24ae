import { createHash } from "node:crypto";

/**
 * One line of a journal: a number, the sum of the line it follows, its own sum, and JSON. It begins with a line end too, so
 * that what a killed process left half written ends there and takes nothing with it.
 */
export interface Line {
  readonly seq: number;
  readonly follows: string;
  readonly sum: string;
  readonly json: string;
}

const sumOf = (seq: number, follows: string, json: string): string =>
  createHash("sha256").update(`${seq} ${follows} ${json}`).digest("base64url");

/** What the first line follows. */
export const NOTHING = "-";

export function lineAfter(seq: number, follows: string, json: string): Line {
  return { seq: seq + 1, follows, sum: sumOf(seq + 1, follows, json), json };
}

export const encodeLine = ({ seq, follows, sum, json }: Line): string => `\n${seq} ${follows} ${sum} ${json}\n`;

const SHAPE = /^([0-9]{1,15}) (-|[\w-]{43}) ([\w-]{43}) (.*)$/s;

/** Null for anything that is not, byte for byte, a line that somebody wrote whole. */
export function parseLine(text: string): Line | null {
  const [, seq = "", follows = "", sum = "", json = ""] = SHAPE.exec(text) ?? [];
  return seq === "" || sumOf(Number(seq), follows, json) !== sum ? null : { seq: Number(seq), follows, sum, json };
}
