import { BASE64URL, is, isDigit, isWord, latin1 } from "../bytes.js";
import { type Detector, NONE, type Probe, type Verdict } from "../probe.js";

const DISCORD = /[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,38}/y;
const FIRST_PART = 26;
/** The second part and its dot, and the shortest third. */
const AFTER_DOT = 7 + 27;
const LONGEST_REST = 7 + 38;

/**
 * Tokens of Discord bots (discord.com/developers/docs/reference#authentication): an id, a time and a signature, with
 * dots between. The first dot tells.
 */
export const discordDetector: Detector = {
  literals: ["."],
  probe(at, dot): Verdict {
    const { bytes, end, floor } = at;
    if (dot - floor < 24 || !is(bytes[dot - 24], BASE64URL)) return NONE;
    if (dot + 7 < end && bytes[dot + 7] !== 0x2e) return NONE;
    let start = dot;
    while (start > floor && dot - start <= FIRST_PART && is(bytes[start - 1], BASE64URL)) start--;
    if (dot - start < 24 || dot - start > FIRST_PART) return NONE;
    if (end < dot + LONGEST_REST + 1 && !at.final) return at.more(start);
    if (end < dot + AFTER_DOT) return NONE;
    DISCORD.lastIndex = 0;
    const found = DISCORD.exec(latin1(bytes, start, Math.min(end, dot + LONGEST_REST + 1)));
    return found === null ? NONE : secret(at, start, start + found[0].length, "discord_token");
  },
};

const TELEGRAM = /^:[A-Za-z0-9_-]{35}$/;

/** Tokens of Telegram bots (core.telegram.org/bots/api): a number, a colon, and 35 characters. */
export function telegramToken(at: Probe, start: number, colon: number): Verdict {
  const { bytes, end } = at;
  const stop = colon + 36;
  if (stop >= end && !at.final) return at.more(start);
  if (stop > end || !TELEGRAM.test(latin1(bytes, colon, stop))) return NONE;
  if (stop < end && (isWord(bytes[stop]) || bytes[stop] === 0x2d)) return NONE;
  return secret(at, start, stop, "telegram_token");
}

const FACEBOOK = /^[|%][A-Za-z0-9_-]{27,40}$/;

/** App access tokens of Facebook (developers.facebook.com/docs/facebook-login/guides/access-tokens): id, bar, secret. */
export function facebookToken(at: Probe, start: number, bar: number): Verdict {
  const { bytes, end } = at;
  let stop = bar + 1;
  while (stop < end && stop - bar < 42 && is(bytes[stop], BASE64URL)) stop++;
  if (stop === end && stop - bar < 42 && !at.final) return at.more(start);
  return FACEBOOK.test(latin1(bytes, bar, stop)) ? secret(at, start, stop, "facebook_token") : NONE;
}

function secret(at: Probe, start: number, stop: number, vendor: string): Verdict {
  const verdict = at.match("SECRET", start, stop);
  at.vendor = vendor;
  return verdict;
}

export const mayBeBotToken = (bytes: Uint8Array, run: number, stop: number): boolean =>
  (bytes[stop] === 0x3a && run >= 8 && run <= 10 && !isDigit(bytes[stop + 1])) ||
  ((bytes[stop] === 0x7c || bytes[stop] === 0x25) && (run === 15 || run === 16));
