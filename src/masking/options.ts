import type { CustomDetector } from "./detectors/custom.js";
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

/** `CH` of `de-CH`. */
export const countryOf = (region: string): string => region.slice(-2);
