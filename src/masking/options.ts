import type { ConfigurationProblem } from "../errors/guard-error.js";
import { OptionsError } from "../errors/guard-error.js";
import { type CustomDetector, patternProblem } from "./detectors/custom.js";
import { pathProblem } from "./paths.js";
import type { Strategy } from "./strategies.js";

/** Numbers that states give out, by country. */
export const NATIONAL = [
  "DE_TAX_ID",
  "DE_SOCIAL_SECURITY",
  "DE_HEALTH_INSURANCE",
  "DE_VAT",
  "ES_NIE",
  "ES_NIF",
  "FI_HETU",
  "IT_FISCAL_CODE",
  "IT_VAT",
  "PL_PESEL",
  "SE_PERSONNUMMER",
  "UK_NHS",
  "UK_NINO",
  "NL_BSN",
  "BE_NATIONAL_NUMBER",
  "FR_NIR",
  "CH_AHV",
  "DK_CPR",
  "NO_FODSELSNUMMER",
  "CZ_RODNE_CISLO",
  "RO_CNP",
  "BG_EGN",
  "LT_PERSONAL_CODE",
  "EE_PERSONAL_CODE",
  "HR_OIB",
  "PT_NIF",
  "IE_PPS",
  "GR_AFM",
  "US_ITIN",
  "US_ABA_ROUTING",
  "US_MBI",
  "US_NPI",
  "US_MEDICAL_LICENSE",
  "CA_SIN",
  "BR_CPF",
  "BR_CNPJ",
  "AR_CUIT",
  "CL_RUT",
  "MX_CURP",
  "AU_ABN",
  "AU_ACN",
  "AU_TFN",
  "AU_MEDICARE",
  "NZ_IRD",
  "IN_AADHAAR",
  "IN_GSTIN",
  "IN_PAN",
  "KR_RRN",
  "KR_BRN",
  "TH_TNIN",
  "TR_NATIONAL_ID",
  "SG_NRIC",
  "SG_UEN",
  "CN_RESIDENT_ID",
  "TW_NATIONAL_ID",
  "HK_ID",
  "JP_MY_NUMBER",
  "IL_ID",
  "ZA_ID",
  "NG_NIN",
  "AT_SVNR",
  "AT_VAT",
  "BE_VAT",
  "CH_UID",
  "CZ_ICO",
  "DK_CVR",
  "ES_CIF",
  "FI_BUSINESS_ID",
  "FR_SIREN",
  "FR_SIRET",
  "FR_VAT",
  "UK_VAT",
  "GR_AMKA",
  "HU_TAX_ID",
  "IS_KENNITALA",
  "LV_PERSONAL_CODE",
  "NL_VAT",
  "NO_ORGNR",
  "PL_NIP",
  "RS_JMBG",
  "RU_INN",
  "RU_SNILS",
  "SE_ORGNR",
  "UA_RNOKPP",
  "AE_EMIRATES_ID",
  "CO_NIT",
  "DO_CEDULA",
  "EC_CEDULA",
  "EG_NATIONAL_ID",
  "ID_NIK",
  "IN_VOTER_ID",
  "JP_CORPORATE_NUMBER",
  "KW_CIVIL_ID",
  "KZ_IIN",
  "MX_RFC",
  "MY_NRIC",
  "NZ_NHI",
  "PASSPORT",
  "PE_RUC",
  "PK_CNIC",
  "SA_NATIONAL_ID",
  "TW_UBN",
  "US_DRIVER_LICENSE",
  "US_EIN",
  "UY_CI",
] as const;

const GENERAL = [
  "CREDIT_CARD",
  "US_SSN",
  "IBAN",
  "EMAIL",
  "PHONE",
  "IP_ADDRESS",
  "JWT",
  "PRIVATE_KEY",
  "SECRET",
  "URL_CREDENTIALS",
  "MAC_ADDRESS",
  "CRYPTO_WALLET",
] as const;

export type DetectorName = (typeof GENERAL)[number] | (typeof NATIONAL)[number];

/** Kinds of findings with a detector of their own. */
export const DETECTORS: readonly DetectorName[] = [...GENERAL, ...NATIONAL];

/** What to mask, and how. */
export interface MaskerOptions {
  /** Default `"all"`. */
  readonly detectors?: "all" | readonly DetectorName[];
  /** Fields that are masked whatever is in them: JSON Pointers, with `*` for one step and `**` for any number. Default none. */
  readonly paths?: readonly string[];
  /**
   * By detector (`CREDIT_CARD`, a custom detector's name), by path (as in `paths`, or without being there), or `FIELD`
   * for all paths; `CREDENTIAL` for known secrets. Default `redact`.
   */
  readonly strategies?: Readonly<Record<string, Strategy>>;
  readonly custom?: readonly CustomDetector[];
  /** Values that stay, such as documented test data; separators do not matter. Default none. */
  readonly allow?: readonly string[];
  /** ISO 3166 codes, or locales (`de-CH`), of the countries whose national phone numbers are looked for. Default none: international forms only. */
  readonly regions?: readonly string[];
  /** Key of the `hash` strategy, 16 bytes or more. */
  readonly hashKey?: Uint8Array | string;
}

const KEYS: ReadonlySet<string> = new Set([
  "detectors",
  "paths",
  "strategies",
  "custom",
  "allow",
  "regions",
  "hashKey",
]);
const STRATEGIES: ReadonlySet<string> = new Set(["redact", "partial", "hash", "tokenise", "drop"]);
const LONGEST_ALLOWED = 1024;

/** A country, or a language and its country. */
const REGION = /^(?:[a-z]{2,3}[-_])?[A-Z]{2}$/;
/** `CH` of `de-CH`. */
export const countryOf = (region: string): string => region.slice(-2);

type Report = (pointer: string, message: string) => void;

/** Throws {@link OptionsError} with everything that is wrong. */
export function checkOptions(options: unknown): asserts options is MaskerOptions {
  const problems: ConfigurationProblem[] = [];
  const report: Report = (pointer, message) => void problems.push({ pointer, message });
  if (typeof options !== "object" || options === null || Array.isArray(options)) report("", "must be an object");
  else {
    const given = options as Record<string, unknown>;
    for (const key of Object.keys(given)) if (!KEYS.has(key)) report(`/${key}`, "is not an option");
    checkDetectors(given["detectors"], report);
    const names = checkCustom(given["custom"], report);
    checkPaths(given["paths"], "/paths", report);
    checkStrategies(given["strategies"], names, given["hashKey"], report);
    checkTexts(given["allow"], "/allow", report, (value) =>
      value !== "" && value.length <= LONGEST_ALLOWED ? null : `must have 1 to ${LONGEST_ALLOWED} characters`,
    );
    checkTexts(given["regions"], "/regions", report, (value) =>
      REGION.test(value) ? null : 'must be a country code such as "US"',
    );
    checkHashKey(given["hashKey"], report);
  }
  if (problems.length > 0) throw new OptionsError(problems);
}

/** Problems of path rules given at {@link Masker.open}. */
export function checkOpenPaths(paths: unknown): void {
  const problems: ConfigurationProblem[] = [];
  checkPaths(paths, "/paths", (pointer, message) => void problems.push({ pointer, message }));
  if (problems.length > 0) throw new OptionsError(problems);
}

function checkTexts(value: unknown, pointer: string, report: Report, problem: (text: string) => string | null): void {
  if (value === undefined) return;
  if (!Array.isArray(value)) return void report(pointer, "must be a list of texts");
  for (const [i, entry] of value.entries()) {
    const message = typeof entry === "string" ? problem(entry) : "must be a text";
    if (message !== null) report(`${pointer}/${i}`, message);
  }
}

function checkDetectors(value: unknown, report: Report): void {
  if (value === "all") return;
  checkTexts(value, "/detectors", report, (name) =>
    (DETECTORS as readonly string[]).includes(name) ? null : `is not one of ${DETECTORS.join(", ")}`,
  );
}

function checkPaths(value: unknown, pointer: string, report: Report): void {
  checkTexts(value, pointer, report, pathProblem);
}

function checkCustom(value: unknown, report: Report): ReadonlySet<string> {
  const names = new Set<string>();
  if (value === undefined) return names;
  if (!Array.isArray(value)) {
    report("/custom", "must be a list of detectors");
    return names;
  }
  for (const [i, entry] of value.entries()) {
    const { name, keyword, pattern, ...rest } = (typeof entry === "object" && entry !== null ? entry : {}) as Record<
      string,
      unknown
    >;
    for (const key of Object.keys(rest)) report(`/custom/${i}/${key}`, "is not an option");
    if (typeof name !== "string" || !/^[A-Z][A-Z0-9_]{1,39}$/.test(name))
      report(`/custom/${i}/name`, 'must be a name such as "EMPLOYEE_ID"');
    else if (names.has(name) || (DETECTORS as readonly string[]).includes(name))
      report(`/custom/${i}/name`, "is taken");
    else names.add(name);
    if (typeof keyword !== "string" || keyword.length < 3 || keyword.length > 64)
      report(`/custom/${i}/keyword`, "must have 3 to 64 characters");
    const message = typeof pattern === "string" ? patternProblem(pattern) : "must be a regular expression as a text";
    if (message !== null) report(`/custom/${i}/pattern`, message);
  }
  return names;
}

function checkStrategies(value: unknown, custom: ReadonlySet<string>, hashKey: unknown, report: Report): void {
  if (value === undefined) return;
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return void report("/strategies", "must be an object");
  for (const [name, strategy] of Object.entries(value)) {
    const pointer = `/strategies/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
    const known =
      (DETECTORS as readonly string[]).includes(name) || custom.has(name) || name === "FIELD" || name === "CREDENTIAL";
    if (!known && pathProblem(name) !== null) report(pointer, "is neither a detector nor a path");
    if (typeof strategy !== "string" || !STRATEGIES.has(strategy))
      report(pointer, 'must be "redact", "partial", "hash", "tokenise" or "drop"');
    else if (strategy === "hash" && hashKey === undefined) report(pointer, '"hash" needs "hashKey"');
    else if (strategy !== "redact" && name === "CREDENTIAL")
      report(pointer, 'must be "redact": of a live credential nothing is shown');
  }
}

function checkHashKey(value: unknown, report: Report): void {
  if (value === undefined) return;
  const length =
    typeof value === "string" ? new TextEncoder().encode(value).length : value instanceof Uint8Array ? value.length : 0;
  if (length < 16) report("/hashKey", "must be a text or bytes of 16 bytes or more");
}
