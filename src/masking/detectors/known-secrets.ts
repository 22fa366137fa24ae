import { Buffer } from "node:buffer";
import { type Detector, MATCH, MORE, NONE, OPEN, type Probe, type Verdict } from "../probe.js";

const KIND = "CREDENTIAL";
/** Shorter values occur by chance; masking them would spoil everything (actions/runner #4531). */
const SHORTEST = 6;
/** How much of a value goes into the automaton; the rest is compared. */
const HEAD = 12;

export interface KnownSecrets {
  readonly detector: Detector;
  /**
   * Corrects a finding of another kind that begins where a known secret begins, or that would cut one in two and let
   * its other half go. `verdict` is MATCH or OPEN; so is the answer, or MORE.
   */
  claim(at: Probe, verdict: Verdict): Verdict;
  /** Whether one of them could stand in a few words, a UUID or an instant. */
  readonly mayBePlain: boolean;
}

const PLAIN = /^(?:[A-Za-z_ ]{1,15}|[0-9A-Fa-f-]{1,36}|[0-9T:.Z-]{1,30})$/;

/**
 * Exact values that must not appear: credentials that the guard holds, and their base64 and percent-encoded forms, so
 * that an upstream which echoes what it was sent gives nothing away. Of overlapping ones the longest wins.
 */
export function knownSecrets(secrets: readonly string[]): KnownSecrets | null {
  const forms = [...new Set(secrets.flatMap((secret) => formsOf(secret)))].map((form) => Buffer.from(form, "latin1"));
  if (forms.length === 0) return null;
  forms.sort((a, b) => b.length - a.length);
  const firstBytes = new Uint8Array(256);
  for (const form of forms) firstBytes[form[0] as number] = 1;
  /** Where the longest form at `start` ends; -1 while a longer one is still possible, 0 if there is none. */
  const endOf = (probe: Probe, start: number): number => {
    if (firstBytes[probe.bytes[start] as number] === 0) return 0;
    for (const form of forms) {
      const verdict = compare(probe, start, form);
      if (verdict === MORE) return -1;
      if (verdict === MATCH) return start + form.length;
    }
    return 0;
  };
  return {
    mayBePlain: forms.some((form) => PLAIN.test(form.toString("latin1"))),
    detector: {
      literals: [...new Set(forms.map((form) => form.toString("latin1", 0, HEAD)))],
      probe(at, start): Verdict {
        const stop = endOf(at, start);
        return stop === -1 ? at.more(start) : stop === 0 ? NONE : at.match(KIND, start, stop);
      },
    },
    claim(at, verdict): Verdict {
      // What an open finding swallows has no end yet; only where it begins can be compared the same way for every chunking.
      const last = verdict === OPEN ? at.start + 1 : at.stop;
      for (let i = at.start; i < last; i++) {
        const stop = endOf(at, i);
        if (stop === -1) return at.more(at.start);
        if (stop !== 0 && (i === at.start || stop > at.stop)) {
          at.kind = KIND;
          at.vendor = undefined;
          at.stop = Math.max(at.stop, stop);
        }
      }
      return verdict;
    },
  };
}

function compare({ bytes, end, final }: Probe, start: number, form: Uint8Array): Verdict {
  const there = Math.min(form.length, end - start);
  for (let i = 0; i < there; i++) if (bytes[start + i] !== form[i]) return NONE;
  return there === form.length ? MATCH : final ? NONE : MORE;
}

/** The value as it may appear, one character per byte: plain, line by line, percent-encoded, inside base64. */
function formsOf(secret: string): string[] {
  const forms = secret.split(/[\r\n]+/);
  for (const line of [...forms]) {
    if (line.length < SHORTEST) continue;
    const bytes = Buffer.from(line, "utf8");
    forms.push(bytes.toString("latin1"));
    const percent = bytes
      .toString("latin1")
      .replace(/[^A-Za-z0-9_.~-]/g, (byte) => `%${byte.charCodeAt(0).toString(16).padStart(2, "0")}`);
    const upper = percent.replace(/%../g, (code) => code.toUpperCase());
    for (const form of [percent, upper]) forms.push(form, form.replaceAll("%20", "+"));
    for (let before = 0; before < 3; before++) {
      const inside = base64Inside(bytes, before);
      forms.push(inside, inside.replaceAll("+", "-").replaceAll("/", "_"));
    }
  }
  return forms.filter((form) => form.length >= SHORTEST && /^[\x00-\xff]*$/.test(form));
}

/** The base64 characters that depend on the value alone when `before` bytes (modulo 3) precede it, as in HTTP Basic. */
function base64Inside(value: Uint8Array, before: number): string {
  const bytes = Buffer.concat([Buffer.alloc(before), value]);
  const text = bytes.toString("base64").replace(/=+$/, "");
  return text.slice([0, 2, 3][before], bytes.length % 3 === 0 ? undefined : -1);
}
