import { isDay, isMonotone, luhn, mod97, part, weighted } from "./checks.js";
import { type NationalId, whole, words } from "./national-id.js";

/** Austria: the fourth digit checks the others; the last six are a date. */
const svnr = (text: string): boolean =>
  !text.startsWith("0") &&
  weighted(text, [3, 7, 9, 0, 5, 8, 4, 2, 1, 6]) % 11 === part(text, 3, 1) &&
  isDay(part(text, 6, 2), part(text, 4, 2));

/** Austria's value-added tax: every second digit doubled, its digits added up. */
const atu = (text: string): boolean => {
  const digits = Array.from(text.slice(3, 10), Number);
  const sum = digits.reduce(
    (total, value, i) => total + (i % 2 === 0 ? value : Math.floor(value / 5) + ((value * 2) % 10)),
    0,
  );
  return (10 - ((sum + 4) % 10)) % 10 === part(text, 10, 1);
};

/** Poland's tax number. */
const nip = (text: string): boolean =>
  weighted(text, [6, 5, 7, 2, 3, 4, 5, 6, 7]) % 11 === part(text, 9, 1) && !isMonotone(text);

/** Spain's firms: a digit or a letter checks, by the kind of firm. */
const cif = (text: string): boolean => {
  const digits = text.slice(1, 8);
  const check = Number([0, 1, 2, 3, 4, 5, 6, 7, 8, 9].find((end) => luhn(digits + end)));
  const last = text.charAt(8);
  if (!/^[ABCDEFGHJNPQRSUVW]/.test(text)) return false;
  return last === String(check) || last === "JABCDEFGHI".charAt(check);
};

const mod11Of = (text: string, weights: readonly number[]): boolean =>
  weighted(text, weights) % 11 === 0 && !isMonotone(text);
const organisasjonsnummer = (text: string): boolean => /^[89]/.test(text) && mod11Of(text, [3, 2, 7, 6, 5, 4, 3, 2, 1]);
const cvr = (text: string): boolean => !text.startsWith("0") && mod11Of(text, [2, 7, 6, 5, 4, 3, 2, 1]);
const ytunnus = (text: string): boolean => mod11Of(text, [7, 9, 10, 5, 8, 4, 2, 1]);
const organisationsnummer = (text: string): boolean => part(text, 2, 2) >= 20 && luhn(text);

const siren = (text: string): boolean => luhn(text) && !isMonotone(text);
/** Of the post office, all offices share the first nine digits and the sum of all is a multiple of five. */
const siret = (text: string): boolean =>
  luhn(text.slice(0, 9)) &&
  (luhn(text) || (text.startsWith("356000000") && Array.from(text, Number).reduce((a, b) => a + b, 0) % 5 === 0));
const tva = (text: string): boolean => (12 + 3 * (Number(text.slice(4)) % 97)) % 97 === part(text, 2, 2);
const belgianVat = (text: string): boolean => 97 - (Number(text.slice(2, 10)) % 97) === part(text, 10, 2);
const btw = (text: string): boolean =>
  text.charAt(11) === "B" &&
  (weighted(text.slice(2), [9, 8, 7, 6, 5, 4, 3, 2, -1]) % 11 === 0 ||
    mod97(Array.from(text, (character) => String(Number.parseInt(character, 36))).join("")) === 1);
const swissUid = (text: string): boolean => mod11Of(text.slice(3), [5, 4, 3, 2, 7, 6, 5, 4, 1]);
const britishVat = (text: string): boolean => {
  const rest = (weighted(text.slice(2), [8, 7, 6, 5, 4, 3, 2]) + part(text, 9, 2)) % 97;
  return rest === 0 || rest === 42;
};

/** Hungary: people begin with 8; the last digit is the sum of the others, each by its place. */
const adoazonosito = (text: string): boolean =>
  text.startsWith("8") && weighted(text, [1, 2, 3, 4, 5, 6, 7, 8, 9]) % 11 === part(text, 9, 1);

/** What was Yugoslavia: day, month, three digits of the year, region, number. */
const jmbg = (text: string): boolean =>
  isDay(part(text, 2, 2), part(text, 0, 2)) &&
  /^.{4}[09]/.test(text) &&
  weighted(text, [7, 6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0;

/** Latvia, of those born before July 2017: a date, and the century after it. */
const personasKods = (text: string): boolean =>
  isDay(part(text, 2, 2), part(text, 0, 2)) &&
  /^.{6}[0-2]/.test(text) &&
  ((1101 - weighted(text, [1, 6, 3, 7, 9, 10, 5, 8, 4, 2])) % 11) % 10 === part(text, 10, 1);

/** Iceland: the day of a firm is 40 more; the last digit is the century. */
const kennitala = (text: string): boolean => {
  const day = part(text, 0, 2);
  return (
    isDay(part(text, 2, 2), day > 40 ? day - 40 : day) &&
    /[089]$/.test(text) &&
    weighted(text, [3, 2, 7, 6, 5, 4, 3, 2, 1]) % 11 === 0
  );
};

const amka = (text: string): boolean => isDay(part(text, 2, 2), part(text, 0, 2)) && luhn(text);
const ico = (text: string): boolean => {
  const rest = weighted(text, [8, 7, 6, 5, 4, 3, 2]) % 11;
  return (11 - rest) % 10 === part(text, 7, 1) && !isMonotone(text);
};

/** Russia's tax number: ten digits for firms, twelve for people. */
const inn = (text: string): boolean => {
  const check = (weights: readonly number[]): boolean =>
    (weighted(text, weights) % 11) % 10 === part(text, weights.length, 1);
  if (isMonotone(text)) return false;
  if (text.length === 10) return check([2, 4, 10, 3, 5, 9, 4, 6, 8]);
  return check([7, 2, 4, 10, 3, 5, 9, 4, 6, 8]) && check([3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8]);
};
const snils = (text: string): boolean =>
  !text.startsWith("000") && (weighted(text, [9, 8, 7, 6, 5, 4, 3, 2, 1]) % 101) % 100 === part(text, 9, 2);
/** Ukraine: the first five digits are days since the end of 1899. */
const rnokpp = (text: string): boolean =>
  (((weighted(text, [-1, 5, 7, 9, 4, 6, 10, 5, 7]) % 11) + 11) % 11) % 10 === part(text, 9, 1) && !isMonotone(text);

/** Further numbers of Europe: firms, and the east. */
export const EUROPE_FURTHER: readonly NationalId[] = [
  {
    kind: "AT_SVNR",
    forms: ["9999999999", "9999-999999"],
    separators: " -",
    valid: svnr,
    trust: "named",
    words: words(whole("svnr"), "sv-n", "sozialversicherung", "versicherungsnummer"),
    source: "https://www.sozialversicherung.at/",
  },
  {
    kind: "AT_VAT",
    forms: ["ATU99999999"],
    separators: "",
    valid: atu,
    trust: "anywhere",
    words: words(whole("uid"), whole("ust"), whole("vat")),
    source: "https://www.bmf.gv.at/",
  },
  {
    kind: "BE_VAT",
    forms: ["BE0999999999", "BE1999999999", "BE-0999.999.999", "BE-1999.999.999"],
    separators: " ",
    valid: belgianVat,
    trust: "anywhere",
    words: words(whole("btw"), whole("tva"), whole("vat")),
    source: "https://economie.fgov.be/en/themes/enterprises/crossroads-bank-enterprises",
  },
  {
    kind: "CH_UID",
    forms: ["CHE-999.999.999", "CHE999999999"],
    separators: "- ",
    valid: swissUid,
    trust: "anywhere",
    words: words(whole("uid"), whole("mwst"), whole("vat")),
    source: "https://www.bfs.admin.ch/bfs/en/home/registers/enterprise-register/enterprise-identification.html",
  },
  {
    kind: "CZ_ICO",
    forms: ["99999999"],
    separators: "",
    valid: ico,
    trust: "named",
    words: words("ičo", whole("ico")),
    source: "https://www.czso.cz/",
  },
  {
    kind: "DK_CVR",
    forms: ["99999999", "99-99-99-99"],
    separators: " ",
    valid: cvr,
    trust: "named",
    words: words(whole("cvr")),
    source: "https://datacvr.virk.dk/",
  },
  {
    kind: "ES_CIF",
    forms: ["A9999999*", "A-9999999*", "A-99999999"],
    separators: "-",
    valid: cif,
    trust: "named",
    words: words(whole("cif"), whole("nif")),
    source: "https://sede.agenciatributaria.gob.es/",
  },
  {
    kind: "FI_BUSINESS_ID",
    forms: ["9999999-9"],
    separators: "-",
    valid: ytunnus,
    trust: "named",
    words: words("y-tunnus", "ytunnus", "business_id", "fo-nummer"),
    source: "https://www.prh.fi/en/companiesandorganisations/business_id.html",
  },
  {
    kind: "FR_SIREN",
    forms: ["999999999", "999-999-999"],
    separators: " ",
    valid: siren,
    trust: "named",
    words: words(whole("siren")),
    source: "https://www.insee.fr/en/metadonnees/definition/c2047",
  },
  {
    kind: "FR_SIRET",
    forms: ["99999999999999", "999-999-999-99999"],
    separators: " ",
    valid: siret,
    trust: "named",
    words: words(whole("siret")),
    source: "https://www.insee.fr/en/metadonnees/definition/c1841",
  },
  {
    kind: "FR_VAT",
    forms: ["FR99999999999", "FR-99-999-999-999", "FR-99999999999"],
    separators: " ",
    valid: tva,
    trust: "anywhere",
    words: words(whole("tva"), whole("vat")),
    source: "https://www.impots.gouv.fr/",
  },
  {
    kind: "UK_VAT",
    forms: ["GB999999999", "GB-999-9999-99", "GB-999999999"],
    separators: " ",
    valid: britishVat,
    trust: "anywhere",
    words: words(whole("vat")),
    source: "https://www.gov.uk/vat-registration",
  },
  {
    kind: "GR_AMKA",
    forms: ["99999999999"],
    separators: "",
    valid: amka,
    trust: "named",
    words: words(whole("amka"), "αμκα"),
    source: "https://www.amka.gr/",
  },
  {
    kind: "HU_TAX_ID",
    forms: ["9999999999"],
    separators: "",
    valid: adoazonosito,
    trust: "named",
    words: words("adóazonosító", "adoazonosito", "hungarian_tax"),
    source: "https://nav.gov.hu/",
  },
  {
    kind: "IS_KENNITALA",
    forms: ["9999999999", "999999-9999"],
    separators: "-",
    valid: kennitala,
    trust: "named",
    words: words("kennitala", "kt."),
    source: "https://www.skra.is/english/people/id-numbers-/",
  },
  {
    kind: "LV_PERSONAL_CODE",
    forms: ["999999-99999"],
    separators: "-",
    valid: personasKods,
    trust: "anywhere",
    words: words("personas_kods"),
    source: "https://www.pmlp.gov.lv/en",
  },
  {
    kind: "NL_VAT",
    forms: ["NL999999999A99"],
    separators: "",
    valid: btw,
    trust: "anywhere",
    words: words(whole("btw"), whole("vat")),
    source: "https://www.belastingdienst.nl/",
  },
  {
    kind: "NO_ORGNR",
    forms: ["999999999", "999-999-999"],
    separators: " ",
    valid: organisasjonsnummer,
    trust: "named",
    words: words("organisasjonsnummer", "org.nr", whole("orgnr"), "org._nr"),
    source: "https://www.brreg.no/",
  },
  {
    kind: "PL_NIP",
    forms: ["9999999999", "999-999-99-99", "999-99-99-999"],
    separators: "-",
    valid: nip,
    trust: "named",
    words: words(whole("nip")),
    source: "https://www.podatki.gov.pl/",
  },
  {
    kind: "RS_JMBG",
    forms: ["9999999999999"],
    separators: "",
    valid: jmbg,
    trust: "anywhere",
    words: words(whole("jmbg"), "emšo", whole("emso"), "матични"),
    source: "https://www.gov.si/en/registries/projects/",
  },
  {
    kind: "RU_INN",
    forms: ["9999999999", "999999999999"],
    separators: "",
    valid: inn,
    trust: "named",
    words: words(whole("inn"), "инн"),
    source: "https://www.nalog.gov.ru/",
  },
  {
    kind: "RU_SNILS",
    forms: ["999-999-999 99", "99999999999"],
    separators: "-",
    valid: snils,
    trust: "anywhere",
    bare: "named",
    words: words(whole("snils"), "снилс"),
    source: "https://sfr.gov.ru/",
  },
  {
    kind: "SE_ORGNR",
    forms: ["999999-9999", "9999999999"],
    separators: "-",
    valid: organisationsnummer,
    trust: "named",
    words: words("organisationsnummer", "org.nr", whole("orgnr"), "org._nr"),
    source: "https://bolagsverket.se/",
  },
  {
    kind: "UA_RNOKPP",
    forms: ["9999999999"],
    separators: "",
    valid: rnokpp,
    trust: "named",
    words: words("rnokpp", "рнокпп", "іпн", "ипн"),
    source: "https://tax.gov.ua/",
  },
];
