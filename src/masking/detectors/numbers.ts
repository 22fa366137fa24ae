import { DIGIT, is, isDigit, isWord, LETTER, UPPER } from "../bytes.js";
import { type Detector, MORE, NONE, type Probe, type Verdict } from "../probe.js";
import { facebookToken, mayBeBotToken, telegramToken } from "./bot-tokens.js";
import { cardGroups, cardRun } from "./credit-card.js";
import { base58Wallet } from "./crypto-wallet.js";
import { iban, isInsideIban } from "./iban.js";
import { ipv4 } from "./ipv4.js";
import { spacedMac } from "./mac.js";
import { type Forms, nationalId } from "./national/index.js";
import { nationalPhone } from "./phone.js";
import { ssn } from "./us-ssn.js";
import { insideUuid } from "./uuid.js";

/** Longer runs of digits are nothing that we know. */
const LONGEST_RUN = 40;

/**
 * Everything that begins with a run of digits, judged once where the run begins: most runs are short and followed by
 * something plain, so the first run's length and the byte after it decide who looks closer.
 */
export function numberDetector(kinds: ReadonlySet<string>, regions: ReadonlySet<string>, forms: Forms): Detector {
  const card = kinds.has("CREDIT_CARD");
  const social = kinds.has("US_SSN");
  const account = kinds.has("IBAN");
  const address = kinds.has("IP_ADDRESS");
  const phone = kinds.has("PHONE");
  const secret = kinds.has("SECRET");
  const mac = kinds.has("MAC_ADDRESS");
  const wallet = kinds.has("CRYPTO_WALLET");
  const judge = (at: Probe, start: number): Verdict => {
    const { bytes, end, floor } = at;
    if (start > floor && isDigit(bytes[start - 1])) return NONE;
    const limit = Math.min(end, start + LONGEST_RUN);
    let stop = start + 1;
    while (stop < limit && isDigit(bytes[stop])) stop++;
    if (stop === end && !at.final) return at.more(start);
    if (stop - start === LONGEST_RUN) return NONE;
    if (account && start - 2 >= floor && is(bytes[start - 1], UPPER) && is(bytes[start - 2], UPPER)) {
      const verdict = iban(at, start - 2);
      if (verdict !== NONE) return verdict;
    }
    const run = stop - start;
    const after = bytes[stop];
    if (wallet && (is(after, LETTER) || is(bytes[start - 1], LETTER))) {
      const verdict = base58Wallet(at, start);
      if (verdict !== NONE) return verdict;
    }
    // Letters before or after, or a separator that only such numbers have.
    if (
      is(bytes[start - 1], LETTER) ||
      is(after, LETTER) ||
      after === 0x3a ||
      after === 0x2b ||
      after === 0x2f ||
      after === 0x5f
    ) {
      const verdict = nationalId(at, forms, start, stop);
      if (verdict !== NONE) return verdict;
    }
    // Alone or before a letter, a short run is not the beginning of anything.
    if (run < 7 && !(after === 0x2d || after === 0x20 || after === 0x2e || after === 0x28 || after === 0x29))
      return NONE;
    if (!at.edge(start) || continuesNumber(at, start)) return NONE;
    let verdict: Verdict = NONE;
    if (mac && run === 2 && after === 0x20 && bytes[start + 5] === 0x20) verdict = spacedMac(at, start);
    if (secret && mayBeBotToken(bytes, run, stop))
      verdict = after === 0x3a ? telegramToken(at, start, stop) : facebookToken(at, start, stop);
    if (verdict === NONE && card && run >= 13 && run <= 19) verdict = cardRun(at, start, stop);
    if (verdict === NONE && card && run === 4 && (after === 0x2d || after === 0x20) && !isInsideIban(at, start))
      verdict = cardGroups(at, start);
    if (verdict === NONE && social) verdict = ssn(at, start, stop);
    if (verdict === NONE && address && run <= 3 && after === 0x2e) verdict = ipv4(at, start);
    if (verdict === NONE && phone) verdict = nationalPhone(at, start, stop, regions);
    if (verdict === NONE) verdict = nationalId(at, forms, start, stop);
    return verdict;
  };
  return {
    literals: [..."0123456789"],
    probe(at, start): Verdict {
      const verdict = judge(at, start);
      if (verdict === NONE || verdict === MORE) return verdict;
      const inside = insideUuid(at, at.start);
      if (inside === "unknown") return at.more(at.start);
      return inside ? NONE : verdict;
    },
  };
}

/** Whether the run goes on with a number before it: the decimals of `0.4111…`, the tail of `550e8400-4111…`. */
function continuesNumber({ bytes, floor }: Probe, start: number): boolean {
  const before = bytes[start - 1];
  return start - 2 >= floor && (before === 0x2e || before === 0x2d) && is(bytes[start - 2], DIGIT);
}

/** Whether what ends before `stop` goes on: with a letter, or with `.` or `-` and a digit. Out of sight counts as "ask again". */
export function goesOn(at: Probe, stop: number): boolean | "unknown" {
  const { bytes, end, final } = at;
  if (stop >= end) return final ? false : "unknown";
  if (isWord(bytes[stop])) return true;
  if (bytes[stop] !== 0x2e && bytes[stop] !== 0x2d) return false;
  if (stop + 1 >= end) return final ? false : "unknown";
  return isDigit(bytes[stop + 1]);
}
