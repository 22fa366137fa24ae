import { isDay, isMonotone, luhn, part, weighted } from "./checks.js";
import { type NationalId, whole, words } from "./national-id.js";

/** Ecuador: province, a digit below six for people, and Luhn's check. */
const ecuador = (text: string): boolean => {
  const province = part(text, 0, 2);
  return ((province >= 1 && province <= 24) || province === 30) && part(text, 2, 1) < 6 && luhn(text);
};

/** Colombia: weights from the right, a rest of 0 or 1 is the check digit itself. */
const nit = (text: string): boolean => {
  const body = text.slice(0, -1);
  const weights = [3, 7, 13, 17, 19, 23, 29, 37, 41, 43, 47, 53, 59, 67, 71];
  const rest = [...body].reverse().reduce((sum, digit, i) => sum + Number(digit) * (weights[i] ?? 0), 0) % 11;
  return (rest < 2 ? rest : 11 - rest) === part(text, body.length, 1);
};

const ruc = (text: string): boolean =>
  /^(?:1[0567]|20)/.test(text) &&
  (11 - (weighted(text, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11)) % 10 === part(text, 10, 1);

const uruguay = (text: string): boolean =>
  (10 - (weighted(text.padStart(8, "0"), [2, 9, 8, 7, 6, 3, 4]) % 10)) % 10 === Number(text.slice(-1)) &&
  !isMonotone(text);

const RFC_ALPHABET = "0123456789ABCDEFGHIJKLMN&OPQRSTUVWXYZ ";
/** Mexico's tax number: letters of the name, a date, two signs that tell namesakes apart, one that checks. */
const rfc = (text: string): boolean => {
  const full = text.padStart(13, " ");
  if (!/^[A-Z]{3,4}[0-9]{6}[0-9A-Z]{2}[0-9A]$/.test(text) || !isDay(part(full, 6, 2), part(full, 8, 2))) return false;
  const sum = Array.from(full.slice(0, 12)).reduce(
    (total, sign, i) => total + RFC_ALPHABET.indexOf(sign) * (13 - i),
    0,
  );
  const check = (11 - (sum % 11)) % 11;
  return (check === 10 ? "A" : String(check)) === full.charAt(12);
};

/** Malaysia: a date, a place of birth, a number; nothing checks. */
const nric = (text: string): boolean =>
  isDay(part(text, 2, 2), part(text, 4, 2)) && !/^(?:00|17|18|19|20|69|70|73|8[01]|9[4-7])$/.test(text.slice(6, 8));

/** Indonesia: province, regency, district, and a date; the day of women is 40 more. */
const nik = (text: string): boolean => {
  const day = part(text, 6, 2);
  return /^[1-9]/.test(text) && isDay(part(text, 8, 2), day > 40 ? day - 40 : day) && !text.endsWith("0000");
};

const cnic = (text: string): boolean => /^[1-7]/.test(text) && !isMonotone(text);

/** Egypt: century, date, governorate. */
const egyptian = (text: string): boolean =>
  /^[23]/.test(text) &&
  isDay(part(text, 3, 2), part(text, 5, 2)) &&
  /^(?:0[1-4]|1[1-9]|2[1-9]|3[1-5]|88)$/.test(text.slice(7, 9));

const saudi = (text: string): boolean => /^[12]/.test(text) && luhn(text) && !isMonotone(text);

const kuwaiti = (text: string): boolean =>
  /^[23]/.test(text) &&
  isDay(part(text, 3, 2), part(text, 5, 2)) &&
  11 - (weighted(text, [2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11) === part(text, 11, 1);

/** Kazakhstan: a date, century and sex, and a check with a second try. */
const iin = (text: string): boolean => {
  const first = weighted(text, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]) % 11;
  const check = first === 10 ? weighted(text, [3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2]) % 11 : first;
  return isDay(part(text, 2, 2), part(text, 4, 2)) && /^.{6}[0-6]/.test(text) && check === part(text, 11, 1);
};

/** Taiwan's firms, as since 2023: a multiple of five; a seven in the seventh place counts as either of its sums. */
const ubn = (text: string): boolean => {
  const sum = [1, 2, 1, 2, 1, 2, 4, 1].reduce((total, weight, i) => {
    const product = weight * part(text, i, 1);
    return total + Math.floor(product / 10) + (product % 10);
  }, 0);
  return (sum % 5 === 0 || (text.charAt(6) === "7" && (sum + 1) % 5 === 0)) && !isMonotone(text);
};

/** Japan's firms: the first digit checks the others. */
const corporateNumber = (text: string): boolean =>
  9 - (weighted(text.slice(1), [2, 1, 2, 1, 2, 1, 2, 1, 2, 1, 2, 1]) % 9) === part(text, 0, 1);

const NHI_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ";
/** New Zealand's patients: letters count by their place in an alphabet without I and O. */
const nhi = (text: string): boolean => {
  const sum = Array.from(text.slice(0, 6)).reduce((total, sign, i) => {
    const value = i < 3 ? NHI_ALPHABET.indexOf(sign) + 1 : Number(sign);
    return total + value * (7 - i);
  }, 0);
  const rest = sum % 11;
  return !/[IO]/.test(text) && rest !== 0 && (11 - rest) % 10 === part(text, 6, 1);
};

/** Prefixes that the campuses of the tax office, and the internet, have given out. */
const EIN = /^(?:0[1-6]|1[0-6]|2[0-7]|3[0-9]|4[0-8]|5[0-9]|6[0-8]|7[1-7]|8[0-8]|9[0-58-9])/;

/** Further numbers of the world. Those without a check digit are found next to a word for them only. */
export const WORLD_FURTHER: readonly NationalId[] = [
  {
    kind: "AE_EMIRATES_ID",
    forms: ["784-9999-9999999-9", "784999999999999"],
    separators: "-",
    valid: luhn,
    trust: "anywhere",
    words: words("emirates"),
    source: "https://icp.gov.ae/en/",
  },
  {
    kind: "CO_NIT",
    forms: ["999.999.999-9", "999999999-9", "9999999999"],
    separators: "-",
    valid: nit,
    trust: "named",
    words: words(whole("nit")),
    source: "https://www.dian.gov.co/",
  },
  {
    kind: "DO_CEDULA",
    forms: ["999-9999999-9", "99999999999"],
    separators: "-",
    valid: (text) => luhn(text) && !isMonotone(text),
    trust: "anywhere",
    bare: "named",
    words: words("cedula", "cédula"),
    source: "https://jce.gob.do/",
  },
  {
    kind: "EC_CEDULA",
    forms: ["9999999999", "999999999-9"],
    separators: "-",
    valid: ecuador,
    trust: "named",
    words: words("cedula", "cédula"),
    source: "https://www.registrocivil.gob.ec/",
  },
  {
    kind: "EG_NATIONAL_ID",
    forms: ["99999999999999"],
    separators: "",
    valid: egyptian,
    trust: "named",
    words: words("egyptian", "national_id", "الرقم القومي"),
    source: "https://cso.moi.gov.eg/",
  },
  {
    kind: "ID_NIK",
    forms: ["9999999999999999"],
    separators: "",
    valid: nik,
    trust: "named",
    words: words(whole("nik"), whole("ktp")),
    source: "https://dukcapil.kemendagri.go.id/",
  },
  {
    kind: "IN_VOTER_ID",
    forms: ["AAA9999999"],
    separators: "",
    valid: () => true,
    trust: "named",
    words: words("voter", "elector"),
    source: "https://www.eci.gov.in/",
  },
  {
    kind: "JP_CORPORATE_NUMBER",
    forms: ["9999999999999", "9-9999-9999-9999"],
    separators: "-",
    valid: corporateNumber,
    trust: "named",
    words: words("corporate_number", "法人番号"),
    source: "https://www.houjin-bangou.nta.go.jp/en/",
  },
  {
    kind: "KW_CIVIL_ID",
    forms: ["999999999999"],
    separators: "",
    valid: kuwaiti,
    trust: "named",
    words: words("civil_id", "kuwait"),
    source: "https://www.paci.gov.kw/",
  },
  {
    kind: "KZ_IIN",
    forms: ["999999999999"],
    separators: "",
    valid: iin,
    trust: "named",
    words: words(whole("iin"), "иин", "жсн"),
    source: "https://egov.kz/cms/en",
  },
  {
    kind: "MX_RFC",
    forms: [...["AAAA", "AAA"].flatMap((name) => [`${name}999999***`, `${name}99999999*`, `${name}999999999`])],
    separators: "",
    valid: rfc,
    trust: "anywhere",
    words: words(whole("rfc")),
    source: "https://www.sat.gob.mx/",
  },
  {
    kind: "MY_NRIC",
    forms: ["999999-99-9999", "999999999999"],
    separators: "-",
    valid: nric,
    trust: "anywhere",
    bare: "named",
    words: words(whole("nric"), whole("mykad"), "kad_pengenalan"),
    source: "https://www.jpn.gov.my/",
  },
  {
    kind: "NZ_NHI",
    forms: ["AAA9999"],
    separators: "",
    valid: nhi,
    trust: "named",
    words: words(whole("nhi"), "national_health_index"),
    source: "https://www.tewhatuora.govt.nz/health-services-and-programmes/health-identity/national-health-index/",
  },
  {
    kind: "PASSPORT",
    forms: ["A99999999", "AA9999999", "A9999999", "AA999999", "999999999"],
    separators: "",
    valid: (text) => !isMonotone(text),
    trust: "named",
    words: words("passport", "passeport", "pasaporte", "passaporto", "reisepass", "paszport", "travel_document"),
    source: "https://www.icao.int/publications/pages/publication.aspx?docnum=9303",
  },
  {
    kind: "PE_RUC",
    forms: ["99999999999"],
    separators: "",
    valid: ruc,
    trust: "named",
    words: words(whole("ruc")),
    source: "https://www.gob.pe/sunat",
  },
  {
    kind: "PK_CNIC",
    forms: ["99999-9999999-9", "9999999999999"],
    separators: "-",
    valid: cnic,
    trust: "named",
    words: words(whole("cnic"), whole("nadra")),
    source: "https://www.nadra.gov.pk/",
  },
  {
    kind: "SA_NATIONAL_ID",
    forms: ["9999999999"],
    separators: "",
    valid: saudi,
    trust: "named",
    words: words(whole("iqama"), whole("saudi"), "هوية", "إقامة"),
    source: "https://www.absher.sa/",
  },
  {
    kind: "TW_UBN",
    forms: ["99999999"],
    separators: "",
    valid: ubn,
    trust: "named",
    words: words(whole("ubn"), "統一編號", "統編"),
    source: "https://www.fia.gov.tw/",
  },
  {
    kind: "US_DRIVER_LICENSE",
    forms: ["A9999999", "A99999999", "A999999999999", "99999999", "999999999"],
    separators: "",
    valid: (text) => !isMonotone(text),
    trust: "named",
    words: words("driver", "driving_licen", "drivers_licen"),
    source: "https://www.aamva.org/",
  },
  {
    kind: "US_EIN",
    forms: ["99-9999999"],
    separators: "-",
    valid: (text) => EIN.test(text),
    trust: "named",
    words: words("ein(?=[\"':=# ]{0,4}$)", "employer_identification", "fein", "tax_id"),
    source:
      "https://www.irs.gov/businesses/small-businesses-self-employed/how-eins-are-assigned-and-valid-ein-prefixes",
  },
  {
    kind: "UY_CI",
    forms: ["9.999.999-9", "9999999-9", "99999999"],
    separators: "-",
    valid: uruguay,
    trust: "named",
    words: words("cedula", "cédula", "c\\.i\\.", "ci(?=[\"':= ]{0,4}$)"),
    source: "https://www.gub.uy/ministerio-interior/",
  },
];
