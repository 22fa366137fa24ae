import { describe, expect, it } from "vitest";
import { createMasker, type DetectorName } from "../../src/masking/index.js";

/** Numbers that their issuers, or the descriptions of their check digits, give as an example; and what must stand before them, if anything. */
const KNOWN: readonly (readonly [kind: DetectorName, word: string, number: string])[] = [
  ["AT_SVNR", "SVNR", "1237 010180"],
  ["AT_VAT", "", "ATU13585627"],
  ["BE_VAT", "", "BE0428759497"],
  ["CH_UID", "", "CHE-100.155.212"],
  ["CZ_ICO", "IČO", "25123891"],
  ["DK_CVR", "CVR", "13585628"],
  ["ES_CIF", "CIF", "A13585625"],
  ["FI_BUSINESS_ID", "Y-tunnus", "2077474-0"],
  ["FR_SIREN", "SIREN", "552 008 443"],
  ["FR_SIRET", "SIRET", "73282932000074"],
  ["FR_VAT", "", "FR40303265045"],
  ["UK_VAT", "", "GB980780684"],
  ["GR_AMKA", "AMKA", "01013099997"],
  ["HU_TAX_ID", "adóazonosító jel", "8071592153"],
  ["IS_KENNITALA", "kennitala", "120174-3399"],
  ["LV_PERSONAL_CODE", "", "161175-19997"],
  ["NL_VAT", "", "NL004495445B01"],
  ["NO_ORGNR", "org.nr", "988 077 917"],
  ["PL_NIP", "NIP", "856-734-62-15"],
  ["RS_JMBG", "", "0101006500006"],
  ["RU_INN", "ИНН", "7707083893"],
  ["RU_SNILS", "", "112-233-445 95"],
  ["SE_ORGNR", "organisationsnummer", "556016-0680"],
  ["UA_RNOKPP", "РНОКПП", "1759013776"],
  ["AE_EMIRATES_ID", "", "784-1985-0005543-3"],
  ["CO_NIT", "NIT", "213.123.432-1"],
  ["DO_CEDULA", "", "001-1391820-5"],
  ["EC_CEDULA", "cédula", "1714307103"],
  ["EG_NATIONAL_ID", "National ID", "29001011234567"],
  ["ID_NIK", "NIK", "3171011708450001"],
  ["IN_VOTER_ID", "voter ID", "ABC1234567"],
  ["JP_CORPORATE_NUMBER", "法人番号", "5835678256246"],
  ["KW_CIVIL_ID", "civil ID", "285060205894"],
  ["KZ_IIN", "ИИН", "850607063352"],
  ["MX_RFC", "", "GODE561231GR8"],
  ["MY_NRIC", "", "770305-02-1234"],
  ["NZ_NHI", "NHI", "ZAC5361"],
  ["PASSPORT", "passport no.", "X12803456"],
  ["PE_RUC", "RUC", "20512333797"],
  ["PK_CNIC", "CNIC", "34201-0891231-8"],
  ["SA_NATIONAL_ID", "iqama", "1000388031"],
  ["TW_UBN", "UBN", "00501503"],
  ["US_DRIVER_LICENSE", "driver's license", "D1234567"],
  ["US_EIN", "EIN", "12-3456789"],
  ["UY_CI", "cédula", "1.234.567-2"],
];

/** Nothing checks them: only the form and the word before them tell. */
const UNCHECKED: readonly string[] = [
  "EG_NATIONAL_ID",
  "ID_NIK",
  "IN_VOTER_ID",
  "MY_NRIC",
  "PASSPORT",
  "PK_CNIC",
  "US_DRIVER_LICENSE",
  "US_EIN",
];

const kindsIn = (text: string, masker = createMasker()): string[] => masker.detect(text).map(({ kind }) => kind);

describe("numbers of states", () => {
  it.each(KNOWN)("%s is found where %s stands before %s", (kind, word, number) => {
    const masker = createMasker({ detectors: [kind] });
    for (const text of [
      `${word} ${number}`,
      `${word}: ${number}, please`,
      `"${word}": "${number}"`,
      `(${word} ${number})`,
    ])
      expect(kindsIn(text, masker), text).toEqual([kind]);
    if (word !== "") expect(kindsIn(`see ${number} there`, masker)).toEqual([]);
  });

  it.each(KNOWN.filter(([kind]) => !UNCHECKED.includes(kind)))(
    "%s is not found after %s where a digit of %s is wrong",
    (kind, word, number) => {
      const masker = createMasker({ detectors: [kind] });
      const places = [...number].flatMap((character, i) => (/[0-9]/.test(character) ? [i] : []));
      // The last digits of a Dutch VAT number only count its holders; two other places may meet in a check that is right again.
      const wrong = places.map(
        (i) => `${number.slice(0, i)}${(Number(number.charAt(i)) + 1) % 10}${number.slice(i + 1)}`,
      );
      const found = wrong.filter((text) => kindsIn(`${word} ${text}`, masker).length > 0);
      expect(found.length, found.join(", ")).toBeLessThanOrEqual(2);
    },
  );

  it.each([
    "icon 25123891",
    "nitrogen 2131234321",
    "the city of 12345672",
    "Nikon 3171011708450001",
    "innovation 7707083893",
  ])("a longer word is none for it: %s", (text) => {
    expect(kindsIn(text)).toEqual([]);
  });
});
