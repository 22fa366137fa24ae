import { GuardError } from "../errors/guard-error.js";
import { type Automaton, buildAutomaton } from "./automaton.js";
import { fromUtf8, utf8 } from "./bytes.js";
import { checkOpenPaths, readMaskerOptions } from "./check-options.js";
import { type Finding, findIn } from "./detect.js";
import { discordDetector } from "./detectors/bot-tokens.js";
import { nameDetectors } from "./detectors/context.js";
import { walletDetector } from "./detectors/crypto-wallet.js";
import { curlUserDetector } from "./detectors/curl.js";
import { customDetector } from "./detectors/custom.js";
import { emailDetector } from "./detectors/email.js";
import { basicAuthRule, encodedKeyDetector, encodedTokenDetector } from "./detectors/encoded.js";
import { genericRule } from "./detectors/generic.js";
import { ipv6Detector } from "./detectors/ipv6.js";
import { jwtDetector, jwtNameRule } from "./detectors/jwt.js";
import { macDetector } from "./detectors/mac.js";
import { formsOf, NATIONAL_IDS } from "./detectors/national/index.js";
import { nulDetector } from "./detectors/nul.js";
import { numberDetector } from "./detectors/numbers.js";
import { internationalPhoneDetector } from "./detectors/phone.js";
import { privateKeyDetector } from "./detectors/private-key.js";
import { tokenDetectors, vendorBeginnings, vendorNameRules } from "./detectors/secrets.js";
import { jdbcDetector, urlDetector } from "./detectors/url.js";
import { VENDORS } from "./detectors/vendors/index.js";
import { KnownNames } from "./json/names.js";
import { indexOf, KnownSecrets } from "./known/known-secrets.js";
import { mediaOf } from "./media.js";
import { maskedField } from "./named-text.js";
import { countryOf, DETECTORS, type MaskerOptions, NATIONAL } from "./options.js";
import { type MaskingPass, type OpenOptions, openPass, type Secrets } from "./pass.js";
import { type PathRule, PathRules } from "./paths.js";
import type { Detector } from "./probe.js";
import type { ScannerOptions } from "./scanner.js";
import type { Replace } from "./segment.js";
import { type Mint, needsWhole, replacement, type Strategy } from "./strategies.js";

/** Finds and masks; made once, used for every body. Holds no value it has seen; of names, some in which nothing was found. */
export interface Masker {
  /** What is in a text, in order, without overlap. Indices are UTF-16 code units, `end` is exclusive. */
  detect(text: string): Finding[];
  /** The text with every finding replaced. The text is taken as it is, not as JSON: use {@link open} for a format. */
  mask(text: string, options?: Pick<OpenOptions, "mint">): { text: string; counts: Record<string, number> };
  /**
   * The value of a header field or a parameter, masked for what it is and for what its name says of it. Texts have one
   * character per byte, as in a header.
   */
  field(name: string, value: string, options?: Pick<OpenOptions, "secrets" | "mint">): string;
  /** Begins to mask a body that comes in chunks. Throws MEDIA_REFUSED for a type that `isMaskable` says no to. */
  open(options: OpenOptions): MaskingPass;
  /**
   * Begins to pass on a body of a type that cannot be masked, without these secrets; null where there is none to look for.
   * Nothing but the secrets is looked for: the detectors would damage bytes that are no text.
   */
  openOpaque(secrets: Secrets): MaskingPass | null;
  /** The same as a stream; an error errors it. */
  stream(options: OpenOptions): TransformStream<Uint8Array, Uint8Array>;
}

/** What was asked for; the last one is nearly always asked for again. */
interface Kept {
  readonly secrets: readonly string[];
  readonly known: KnownSecrets;
}

/** A scanner for a set of secrets, as long as none is added to it. */
interface Current {
  readonly known: KnownSecrets;
  readonly additions: number;
  readonly scanning: ScannerOptions;
}

const NO_DETECTORS: Detector[] = [];

const isSame = (one: readonly string[], other: readonly string[]): boolean =>
  one === other || (one.length === other.length && !differs(one, other));

function differs(one: readonly string[], other: readonly string[]): boolean {
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return true;
  return false;
}

/** Lists of known secrets that are kept taken apart: credentials change every few minutes, bodies come all the time. */
const KEPT_LISTS = 8;

/** A masker for these options; throws `OptionsError` with everything that is wrong with them. */
export function createMasker(given: MaskerOptions = {}): Masker {
  const options = readMaskerOptions(given);
  const detectors = detectorsFor(options);
  const plain = buildAutomaton(detectors);
  const strategies = new Map(Object.entries(options.strategies ?? {}));
  const strategyOf = (kind: string): Strategy => strategies.get(kind) ?? "redact";
  const hashKey = typeof options.hashKey === "string" ? utf8(options.hashKey) : (options.hashKey ?? new Uint8Array(0));
  const allow = new Set((options.allow ?? []).map(bare));
  const allowed = (bytes: Uint8Array, start: number, stop: number): boolean =>
    allow.size > 0 && stop - start <= 2048 && allow.has(bare(fromUtf8(bytes.subarray(start, stop))));
  const scanning = (automaton: Automaton, known: KnownSecrets | null): ScannerOptions => ({
    automaton,
    known: known === null ? null : indexOf(known),
    skipsPlain: (known === null || !indexOf(known).mayBePlain) && (options.custom ?? []).length === 0,
    allowed,
    names: new KnownNames(),
    needsWhole: (kind) => allow.size > 0 || needsWhole(strategyOf(kind)),
  });
  const base = scanning(plain, null);
  /** In the places of a ring; by index, so that the secrets are handed to no method that can be replaced. */
  const kept: (Kept | null)[] = Array<null>(KEPT_LISTS).fill(null);
  let latest = 0;
  const knownOf = (secrets: readonly string[] | KnownSecrets): KnownSecrets => {
    if (secrets instanceof KnownSecrets) return secrets;
    for (let i = 0; i < KEPT_LISTS; i++) {
      const at = (latest + i) % KEPT_LISTS;
      const one = kept[at];
      if (!one || !isSame(one.secrets, secrets)) continue;
      latest = at;
      return one.known;
    }
    latest = (latest + 1) % KEPT_LISTS;
    const known = KnownSecrets.of(secrets);
    kept[latest] = { secrets, known };
    return known;
  };
  /** The scanner for secrets beside some detectors, or null where there is nothing to look for. */
  const scannerBeside = (automaton: Automaton): ((given: Secrets | undefined) => ScannerOptions | null) => {
    let current: Current | null = null;
    return (given) => {
      if (given === undefined) return null;
      const known = knownOf(given);
      if (known.isEmpty) return null;
      const { additions } = indexOf(known);
      if (current?.known !== known || current.additions !== additions)
        current = { known, additions, scanning: scanning(automaton, known) };
      return current.scanning;
    };
  };
  const scanningBeside = scannerBeside(plain);
  const scanningWith = (secrets: Secrets | undefined): ScannerOptions => scanningBeside(secrets) ?? base;
  const scanningAlone = scannerBeside(buildAutomaton(NO_DETECTORS));
  const replaceWith =
    (mint: Mint | undefined): Replace =>
    (kind, vendor, value) =>
      replacement(strategyOf(kind), kind, vendor, value, hashKey, mint);
  const fieldsWith =
    (mint: Mint | undefined) =>
    (strategy: Strategy, value: Uint8Array | null): string =>
      replacement(strategy, "FIELD", undefined, value, hashKey, mint);
  const own = pathRules(options, strategies);
  const ownPaths = own.length === 0 ? null : new PathRules(own);
  const pathsWith = (paths: readonly string[] | undefined): PathRules | null => {
    if (paths === undefined || paths.length === 0) return ownPaths;
    checkOpenPaths(paths);
    const further = paths.filter((path) => !own.some((rule) => rule.path === path));
    return further.length === 0
      ? ownPaths
      : new PathRules([...further.map((path) => ({ path, strategy: strategyOf("FIELD") })), ...own]);
  };
  const open = (given: OpenOptions): MaskingPass => {
    const media = mediaOf(given.contentType);
    if (media === null) throw new GuardError("MEDIA_REFUSED", { sent: true });
    return openPass({
      media,
      scanning: scanningWith(given.secrets),
      paths: pathsWith(given.paths),
      replace: replaceWith(given.mint),
      replaceField: fieldsWith(given.mint),
      opaque: given.unmaskable === "pass" ? () => scanningAlone(given.secrets) : undefined,
    });
  };
  const openOpaque = (secrets: Secrets): MaskingPass | null => {
    const scanner = scanningAlone(secrets);
    if (scanner === null) return null;
    return openPass({
      media: { format: "text", boundary: "" },
      scanning: scanner,
      paths: null,
      replace: replaceWith(undefined),
      replaceField: fieldsWith(undefined),
    });
  };
  return {
    detect: (text) => findIn(text, base).map(({ value: _value, ...finding }) => finding),
    mask(text, { mint } = {}) {
      const replace = replaceWith(mint);
      const counts: Record<string, number> = {};
      let masked = "";
      let at = 0;
      for (const { kind, vendor, start, end, value } of findIn(text, base)) {
        counts[kind] = (counts[kind] ?? 0) + 1;
        masked += text.slice(at, start) + replace(kind, vendor, value);
        at = end;
      }
      return { text: masked + text.slice(at), counts };
    },
    field(name, value, { secrets, mint } = {}) {
      const malformed = (): GuardError => new GuardError("MASKING_FAILED", { sent: true });
      const replacing = { replace: replaceWith(mint), replaceField: fieldsWith(mint) };
      return maskedField({ scanning: scanningWith(secrets), paths: null, malformed, ...replacing }, name, value);
    },
    open,
    openOpaque,
    stream(given) {
      const pass = open(given);
      return new TransformStream<Uint8Array, Uint8Array>({
        transform: (chunk, controller) => enqueue(controller, pass.push(chunk)),
        flush: (controller) => enqueue(controller, pass.flush()),
      });
    },
  };
}

function enqueue(controller: TransformStreamDefaultController<Uint8Array>, bytes: Uint8Array): void {
  if (bytes.length > 0) controller.enqueue(bytes);
}

/** A value without the separators that people put into numbers. */
const bare = (value: string): string => value.replace(/[\s\-.()]/g, "");

function pathRules(options: MaskerOptions, strategies: ReadonlyMap<string, Strategy>): PathRule[] {
  const named = [...strategies.keys()].filter((name) => name.includes("/"));
  const paths = new Set([...(options.paths ?? []), ...named]);
  return [...paths].map((path) => ({ path, strategy: strategies.get(path) ?? strategies.get("FIELD") ?? "redact" }));
}

function detectorsFor(options: MaskerOptions): Detector[] {
  const kinds = new Set<string>(
    options.detectors === undefined || options.detectors === "all" ? DETECTORS : options.detectors,
  );
  const numbers = [
    "CREDIT_CARD",
    "US_SSN",
    "IBAN",
    "PHONE",
    "IP_ADDRESS",
    "SECRET",
    "MAC_ADDRESS",
    "CRYPTO_WALLET",
    ...NATIONAL,
  ].some((kind) => kinds.has(kind));
  // Where two begin at the same byte, the first one wins.
  return [
    nulDetector,
    ...(options.custom ?? []).map(customDetector),
    ...(kinds.has("PRIVATE_KEY") ? [privateKeyDetector, encodedKeyDetector] : []),
    ...(kinds.has("SECRET") ? tokenDetectors(VENDORS) : []),
    ...(kinds.has("JWT") ? [jwtDetector, encodedTokenDetector] : []),
    ...(kinds.has("JWT") ? nameDetectors([jwtNameRule]) : []),
    ...(kinds.has("SECRET")
      ? nameDetectors([...vendorNameRules(VENDORS), basicAuthRule, genericRule(vendorBeginnings(VENDORS))])
      : []),
    ...(kinds.has("SECRET") ? [jdbcDetector, discordDetector, curlUserDetector] : []),
    ...(kinds.has("SECRET") || kinds.has("URL_CREDENTIALS")
      ? [urlDetector(kinds.has("URL_CREDENTIALS"), kinds.has("SECRET"))]
      : []),
    ...(kinds.has("EMAIL") ? [emailDetector] : []),
    ...(kinds.has("MAC_ADDRESS") ? [macDetector] : []),
    ...(kinds.has("CRYPTO_WALLET") ? [walletDetector] : []),
    ...(kinds.has("IP_ADDRESS") ? [ipv6Detector] : []),
    ...(kinds.has("PHONE") ? [internationalPhoneDetector] : []),
    ...(numbers
      ? [
          numberDetector(
            kinds,
            new Set((options.regions ?? []).map(countryOf)),
            formsOf(NATIONAL_IDS.filter(({ kind }) => kinds.has(kind))),
          ),
        ]
      : []),
  ];
}
