import { base64Inside, linesOf, percentEncoded, utf8Bytes } from "../../request/body/encodings.js";
import { append, charCodeAt, indexOf, slice, sort } from "../../request/captured.js";
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

/** As a regular expression: `[A-Za-z_ ]{1,15}|[0-9A-Fa-f-]{1,36}|[0-9T:.Z-]{1,30}`; by hand, since one remembers its text. */
const PLAIN = [
  ["ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_ ", 15],
  ["0123456789ABCDEFabcdef-", 36],
  ["0123456789T:.Z-", 30],
] as const;

function isPlain(form: string): boolean {
  for (let i = 0; i < PLAIN.length; i++) {
    const [letters, longest] = PLAIN[i] as (typeof PLAIN)[number];
    let at = 0;
    while (at < form.length && indexOf(letters, form[at] as string) !== -1) at++;
    if (at === form.length && at <= longest) return true;
  }
  return false;
}

/**
 * Exact values that must not appear: credentials that the guard holds, and their base64 and percent-encoded forms, so
 * that an upstream which echoes what it was sent gives nothing away. Of overlapping ones the longest wins. What is looked for
 * is handed to no method that can be replaced, and is in no memory that others share.
 */
export function knownSecrets(secrets: readonly string[]): KnownSecrets | null {
  const forms: string[] = [];
  for (let i = 0; i < secrets.length; i++) addForms(forms, secrets[i] as string);
  if (forms.length === 0) return null;
  sort(forms, (a, b) => b.length - a.length);
  const firstBytes = new Uint8Array(256);
  const literals: string[] = [];
  let mayBePlain = false;
  for (let i = 0; i < forms.length; i++) {
    const form = forms[i] as string;
    firstBytes[charCodeAt(form, 0)] = 1;
    addNew(literals, slice(form, 0, HEAD));
    mayBePlain ||= isPlain(form);
  }
  /** Where the longest form at `start` ends; -1 while a longer one is still possible, 0 if there is none. */
  const endOf = (probe: Probe, start: number): number => {
    if (firstBytes[probe.bytes[start] as number] === 0) return 0;
    for (let i = 0; i < forms.length; i++) {
      const form = forms[i] as string;
      const verdict = compare(probe, start, form);
      if (verdict === MORE) return -1;
      if (verdict === MATCH) return start + form.length;
    }
    return 0;
  };
  return {
    mayBePlain,
    detector: {
      literals,
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

function compare({ bytes, end, final }: Probe, start: number, form: string): Verdict {
  const there = min(form.length, end - start);
  for (let i = 0; i < there; i++) if (bytes[start + i] !== charCodeAt(form, i)) return NONE;
  return there === form.length ? MATCH : final ? NONE : MORE;
}

/** The value as it may appear, one character per byte: plain, line by line, percent-encoded, inside base64. */
function addForms(forms: string[], secret: string): void {
  const lines = linesOf(secret);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as string;
    if (line.length < SHORTEST) continue;
    const bytes = utf8Bytes(line);
    if (isLatin1(line)) addForm(forms, line);
    addForm(forms, bytes);
    for (const hex of HEX) {
      const percent = percentEncoded(bytes, hex);
      addForm(forms, percent);
      addForm(forms, blanksAsPlus(percent));
    }
    for (let before = 0; before < 3; before++) {
      const inside = base64Inside(bytes, before as 0 | 1 | 2);
      addForm(forms, inside[0]);
      addForm(forms, inside[1]);
    }
  }
}

const { min } = Math;
const HEX = ["0123456789ABCDEF", "0123456789abcdef"] as const;

function addForm(forms: string[], form: string): void {
  if (form.length >= SHORTEST) addNew(forms, form);
}

function addNew(list: string[], text: string): void {
  for (let i = 0; i < list.length; i++) if (list[i] === text) return;
  append(list, text);
}

function isLatin1(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (charCodeAt(text, at) > 0xff) return false;
  return true;
}

/** As in a form: `+` for a blank. */
function blanksAsPlus(text: string): string {
  let plus = "";
  for (let at = 0; at < text.length; at++) {
    const isBlank = text[at] === "%" && text[at + 1] === "2" && text[at + 2] === "0";
    plus += isBlank ? "+" : text[at];
    if (isBlank) at += 2;
  }
  return plus;
}
