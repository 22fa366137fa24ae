import { isDay, isMonotone, luhn, mod97, mod1110, part, weighted } from "./checks.js";
import { type NationalId, words } from "./national-id.js";

const SPANISH = "TRWAGMYFPDXBNJZSQVHLCKE";
const dni = (digits: string): string => SPANISH.charAt(Number(digits) % 23);
const nie = (text: string): boolean =>
  dni(`${"XYZ".indexOf(text.charAt(0))}${text.slice(1, -1)}`) === text.slice(-1) && /^[XYZ]/.test(text);

const FINNISH = "0123456789ABCDEFHJKLMNPRSTUVWXY";
function hetu(text: string): boolean {
  const digits = text.slice(0, 6) + text.slice(7, 10);
  return (
    /[-+A-FU-Y]/.test(text.charAt(6)) &&
    isDay(part(text, 2, 2), part(text, 0, 2)) &&
    part(text, 7, 3) >= 2 &&
    FINNISH.charAt(Number(digits) % 31) === text.charAt(10)
  );
}

/** Date of birth with the century in the month. */
function pesel(text: string): boolean {
  const check = (10 - (weighted(text, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10;
  return isDay(part(text, 2, 2) % 20, part(text, 4, 2)) && check === part(text, 10, 1);
}

/** With or without the century; the day of a coordination number is 60 more. */
function personnummer(text: string): boolean {
  const short = text.slice(-10);
  if (text.length === 12 && !/^(?:1[89]|20)/.test(text)) return false;
  const day = part(short, 4, 2);
  return isDay(part(short, 2, 2), day > 60 ? day - 60 : day) && luhn(short);
}

const RV_WEIGHTS = [2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1];
function rentenversicherung(text: string): boolean {
  const letter = String(text.charCodeAt(8) - 64).padStart(2, "0");
  const digits = text.slice(0, 8) + letter + text.slice(9, 11);
  const sum = RV_WEIGHTS.reduce((total, weight, i) => {
    const product = weight * part(digits, i, 1);
    return total + Math.floor(product / 10) + (product % 10);
  }, 0);
  const day = part(text, 2, 2);
  return sum % 10 === part(text, 11, 1) && isDay(part(text, 4, 2), day > 50 ? day - 50 : day);
}

function krankenversicherung(text: string): boolean {
  const digits = String(text.charCodeAt(0) - 64).padStart(2, "0") + text.slice(1, 9);
  const sum = Array.from(digits).reduce((total, character, i) => {
    const product = Number(character) * (i % 2 === 0 ? 1 : 2);
    return total + Math.floor(product / 10) + (product % 10);
  }, 0);
  return sum % 10 === part(text, 9, 1);
}

/** Letters of the name, year, month and day of birth, place; the last letter is not checked, as some bodies got it wrong. */
function codiceFiscale(text: string): boolean {
  return /^[A-Z]{6}[0-9]{2}[A-EHLMPRST](?:[04][1-9]|[1256][0-9]|[37][01])[A-Z][0-9]{3}[A-Z]$/.test(text);
}

const nhs = (text: string): boolean =>
  !isMonotone(text) && (11 - (weighted(text, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11 === part(text, 9, 1);
const nino = (text: string): boolean =>
  /^(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]$/.test(text);

const bsn = (text: string): boolean => {
  const sum = weighted(text, [9, 8, 7, 6, 5, 4, 3, 2, -1]);
  return sum !== 0 && sum % 11 === 0 && !isMonotone(text);
};
const belgian = (text: string): boolean => {
  const check = part(text, 9, 2);
  return (
    isDay(part(text, 2, 2) % 20, part(text, 4, 2)) &&
    (97 - (Number(text.slice(0, 9)) % 97) === check || 97 - (Number(`2${text.slice(0, 9)}`) % 97) === check)
  );
};
const nir = (text: string): boolean => {
  const digits = text.replace(/^(.{5})2A/, "$119").replace(/^(.{5})2B/, "$118");
  // The month, or what stands for one that is not known; the department, or where else somebody was born.
  return (
    /^[1-478][0-9]{2}(?:0[1-9]|1[0-2]|[2-9][0-9])(?!00)/.test(text) &&
    /^[0-9]{15}$/.test(digits) &&
    97 - mod97(digits.slice(0, 13)) === Number(digits.slice(13))
  );
};
const ahv = (text: string): boolean =>
  (10 - (weighted(text, [1, 3, 1, 3, 1, 3, 1, 3, 1, 3, 1, 3]) % 10)) % 10 === part(text, 12, 1);
const cpr = (text: string): boolean => isDay(part(text, 2, 2), part(text, 0, 2)) && !isMonotone(text);
const fodselsnummer = (text: string): boolean => {
  const first = (11 - (weighted(text, [3, 7, 6, 1, 8, 9, 4, 5, 2]) % 11)) % 11;
  const second = (11 - (weighted(text, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 11;
  const day = part(text, 0, 2);
  return (
    first === part(text, 9, 1) &&
    second === part(text, 10, 1) &&
    isDay(part(text, 2, 2) % 40, day > 40 ? day - 40 : day)
  );
};
const rodneCislo = (text: string): boolean =>
  isDay((part(text, 2, 2) % 50) % 20, part(text, 4, 2)) && Number(text) % 11 === 0;
const cnp = (text: string): boolean => {
  const rest = weighted(text, [2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9]) % 11;
  // Digits 8 and 9 are a county, a sector of Bucharest, or what is given out since for all of the country.
  return (
    /^[1-8].{6}(?:0[1-9]|[1-3][0-9]|4[0-8]|5[12]|70)/.test(text) &&
    isDay(part(text, 3, 2), part(text, 5, 2)) &&
    (rest === 10 ? 1 : rest) === part(text, 12, 1)
  );
};
const egn = (text: string): boolean =>
  isDay(part(text, 2, 2) % 20, part(text, 4, 2)) &&
  (weighted(text, [2, 4, 8, 5, 10, 9, 7, 3, 6]) % 11) % 10 === part(text, 9, 1);
const baltic = (text: string): boolean => {
  const first = weighted(text, [1, 2, 3, 4, 5, 6, 7, 8, 9, 1]) % 11;
  const check = first === 10 ? (weighted(text, [3, 4, 5, 6, 7, 8, 9, 1, 2, 3]) % 11) % 10 : first;
  return /^[1-6]/.test(text) && isDay(part(text, 3, 2), part(text, 5, 2)) && check === part(text, 10, 1);
};
const nif = (text: string): boolean => {
  const check = 11 - (weighted(text, [9, 8, 7, 6, 5, 4, 3, 2]) % 11);
  return /^[1235689]/.test(text) && (check > 9 ? 0 : check) === part(text, 8, 1);
};
const pps = (text: string): boolean => {
  const extra = text.length === 9 ? (text.charAt(8) === "W" ? 0 : (text.charCodeAt(8) - 64) * 9) : 0;
  return "WABCDEFGHIJKLMNOPQRSTUV".charAt((weighted(text, [8, 7, 6, 5, 4, 3, 2]) + extra) % 23) === text.charAt(7);
};
const afm = (text: string): boolean =>
  (weighted(text, [256, 128, 64, 32, 16, 8, 4, 2]) % 11) % 10 === part(text, 8, 1) && !isMonotone(text);

/** Europe. */
export const EUROPE: readonly NationalId[] = [
  {
    kind: "DE_TAX_ID",
    forms: ["99999999999", "99-999-999-999"],
    separators: " ",
    valid: (text) => !text.startsWith("0") && mod1110(text) && !isMonotone(text),
    trust: "alone",
    words: words("steuer", "idnr", "id-nr", "tin", "identifikationsnummer", "tax"),
    source: "https://www.bzst.de/DE/Privatpersonen/SteuerlicheIdentifikationsnummer/",
  },
  {
    kind: "DE_SOCIAL_SECURITY",
    forms: ["99999999A999", "99-999999-A-999"],
    separators: " ",
    valid: rentenversicherung,
    trust: "anywhere",
    words: words("rentenversicherung", "sozialversicherung", "svnr", "rvnr"),
    source: "https://www.gesetze-im-internet.de/vkvv/",
  },
  {
    kind: "DE_HEALTH_INSURANCE",
    forms: ["A999999999"],
    separators: "",
    valid: krankenversicherung,
    trust: "alone",
    words: words("kranken", "kvnr", "versicherten"),
    source: "https://www.gkv-spitzenverband.de/",
  },
  {
    kind: "DE_VAT",
    forms: ["DE999999999", "DE-999999999"],
    separators: " ",
    valid: (text) => mod1110(text.slice(2)),
    trust: "anywhere",
    words: words("ust", "vat"),
    source: "https://www.bzst.de/DE/Unternehmen/Identifikationsnummern/",
  },
  {
    kind: "ES_NIE",
    forms: ["A9999999A", "A-9999999-A", "A9999999-A"],
    separators: "-",
    valid: nie,
    trust: "anywhere",
    words: words("nie"),
    source:
      "https://www.interior.gob.es/opencms/es/servicios-al-ciudadano/tramites-y-gestiones/dni/calculo-del-digito-de-control-del-nif-nie/",
  },
  {
    kind: "ES_NIF",
    forms: ["99999999A", "99999999-A", "9999999A", "9999999-A"],
    separators: "-",
    valid: (text) => dni(text.slice(0, -1)) === text.slice(-1),
    trust: "anywhere",
    words: words("nif", "dni"),
    source:
      "https://www.interior.gob.es/opencms/es/servicios-al-ciudadano/tramites-y-gestiones/dni/calculo-del-digito-de-control-del-nif-nie/",
  },
  {
    kind: "FI_HETU",
    forms: ["999999~999*"],
    separators: "",
    valid: hetu,
    trust: "anywhere",
    words: words("hetu", "henkil"),
    source: "https://dvv.fi/en/personal-identity-code",
  },
  {
    kind: "IT_FISCAL_CODE",
    forms: ["AAAAAA99A99A999A"],
    separators: "",
    valid: codiceFiscale,
    trust: "anywhere",
    words: words("fiscale"),
    source: "https://www.agenziaentrate.gov.it/",
  },
  {
    kind: "IT_VAT",
    forms: ["99999999999", "99999999-999", "IT99999999999"],
    separators: "_ ",
    valid: (text) => luhn(text.replace(/^IT/, "")) && !isMonotone(text.replace(/^IT/, "")),
    trust: "alone",
    words: words("iva", "vat"),
    source: "https://www.agenziaentrate.gov.it/",
  },
  {
    kind: "PL_PESEL",
    forms: ["99999999999"],
    separators: "",
    valid: pesel,
    trust: "alone",
    words: words("pesel"),
    source: "https://www.gov.pl/web/gov/czym-jest-numer-pesel",
  },
  {
    kind: "SE_PERSONNUMMER",
    forms: ["999999999999", "99999999-9999", "999999-9999"],
    separators: "-+",
    valid: personnummer,
    trust: "anywhere",
    words: words("personnummer", "swedish"),
    source:
      "https://www.skatteverket.se/servicelankar/otherlanguages/inenglishengelska/individualsandemployees/coordinationnumbers.4.1657ce2817f5a993c3a7d2a.html",
  },
  {
    kind: "UK_NHS",
    forms: ["9999999999", "999-999-9999"],
    separators: " -",
    valid: nhs,
    trust: "alone",
    words: words("nhs"),
    source: "https://www.datadictionary.nhs.uk/attributes/nhs_number.html",
  },
  {
    kind: "UK_NINO",
    forms: ["AA999999A", "AA-999999-A", "AA-999999A", "AA-99-99-99-A"],
    separators: " ",
    valid: nino,
    trust: "anywhere",
    words: words("nino", "national_insurance"),
    source: "https://www.gov.uk/hmrc-internal-manuals/national-insurance-manual/nim39110",
  },
  {
    kind: "NL_BSN",
    forms: ["999999999", "9999-99-999"],
    separators: ".-",
    valid: bsn,
    trust: "named",
    words: words("bsn", "burgerservice", "sofi"),
    source: "https://www.rijksoverheid.nl/onderwerpen/privacy-en-persoonsgegevens/burgerservicenummer-bsn",
  },
  {
    kind: "BE_NATIONAL_NUMBER",
    forms: ["99.99.99-999.99", "99999999999"],
    separators: "-",
    valid: belgian,
    trust: "anywhere",
    bare: "named",
    words: words("rijksregister", "registre_national", "national_number", "insz", "niss"),
    source: "https://www.ibz.rrn.fgov.be/",
  },
  {
    kind: "FR_NIR",
    forms: ["999999999999999", "9-99-99-99-999-999-99", "9-99-99-9A-999-999-99"],
    separators: " ",
    valid: nir,
    trust: "anywhere",
    bare: "alone",
    words: words("nir", "securite_sociale", "sécurité_sociale"),
    source: "https://www.insee.fr/fr/metadonnees/definition/c1409",
  },
  {
    kind: "CH_AHV",
    forms: ["756.9999.9999.99", "7569999999999"],
    separators: "",
    valid: ahv,
    trust: "anywhere",
    words: words("ahv", "avs"),
    source: "https://www.zas.admin.ch/",
  },
  {
    kind: "DK_CPR",
    forms: ["999999-9999"],
    separators: "-",
    valid: cpr,
    trust: "named",
    words: words("cpr"),
    source: "https://cpr.dk/",
  },
  {
    kind: "NO_FODSELSNUMMER",
    forms: ["99999999999", "999999-99999"],
    separators: " ",
    valid: fodselsnummer,
    trust: "anywhere",
    bare: "named",
    words: words("fødselsnummer", "fodselsnummer"),
    source: "https://www.skatteetaten.no/",
  },
  {
    kind: "CZ_RODNE_CISLO",
    forms: ["999999/9999"],
    separators: "",
    valid: rodneCislo,
    trust: "anywhere",
    words: words("rodné", "rodne", "rodné číslo"),
    source: "https://www.mvcr.cz/",
  },
  {
    kind: "RO_CNP",
    forms: ["9999999999999"],
    separators: "",
    valid: cnp,
    trust: "anywhere",
    words: words("cnp"),
    source: "https://www.mai.gov.ro/",
  },
  {
    kind: "BG_EGN",
    forms: ["9999999999"],
    separators: "",
    valid: egn,
    trust: "named",
    words: words("egn", "егн"),
    source: "https://www.grao.bg/",
  },
  {
    kind: "LT_PERSONAL_CODE",
    forms: ["99999999999"],
    separators: "",
    valid: baltic,
    trust: "named",
    words: words("asmens_kodas", "lithuanian"),
    source: "https://www.registrucentras.lt/",
  },
  {
    kind: "EE_PERSONAL_CODE",
    forms: ["99999999999"],
    separators: "",
    valid: baltic,
    trust: "named",
    words: words("isikukood", "estonian"),
    source: "https://www.siseministeerium.ee/",
  },
  {
    kind: "HR_OIB",
    forms: ["99999999999"],
    separators: "",
    valid: mod1110,
    trust: "named",
    words: words("oib"),
    source: "https://www.porezna-uprava.hr/",
  },
  {
    kind: "PT_NIF",
    forms: ["999999999", "999-999-999"],
    separators: " ",
    valid: nif,
    trust: "named",
    words: words("nif", "contribuinte"),
    source: "https://www.portaldasfinancas.gov.pt/",
  },
  {
    kind: "IE_PPS",
    forms: ["9999999A", "9999999AA"],
    separators: "",
    valid: pps,
    trust: "named",
    words: words("pps"),
    source: "https://www.gov.ie/en/service/12e6de-get-a-personal-public-service-pps-number/",
  },
  {
    kind: "GR_AFM",
    forms: ["999999999"],
    separators: "",
    valid: afm,
    trust: "named",
    words: words("afm", "αφμ"),
    source: "https://www.aade.gr/",
  },
];
