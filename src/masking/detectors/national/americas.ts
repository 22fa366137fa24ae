import { isDay, isMonotone, luhn, part, weighted } from "./checks.js";
import { type NationalId, words } from "./national-id.js";

/** Areas of the Federal Reserve, thrift institutions, electronic and traveller's cheques. */
const routing = (text: string): boolean =>
  /^(?:0[0-9]|1[0-2]|2[1-9]|3[0-2]|6[1-9]|7[0-2]|80)/.test(text) &&
  weighted(text, [3, 7, 1, 3, 7, 1, 3, 7, 1]) % 10 === 0 &&
  !isMonotone(text);

const itin = (text: string): boolean => /^9[0-9]{2}(?:5[0-9]|6[0-5]|7[0-9]|8[0-8]|9[0-24-9])[0-9]{4}$/.test(text);

/** 2 is set aside for later, and none has been given out that begins with it. */
const provider = (text: string): boolean => text.startsWith("1") && luhn(`80840${text}`) && !isMonotone(text);

const MBI =
  /^[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y][0-9][AC-HJKMNP-RT-Y]{2}[0-9]{2}$/;

const dea = (text: string): boolean =>
  /^[ABCDEFGHJKLMPRSTUX][A-Z9]/.test(text) &&
  (weighted(text.slice(2), [1, 0, 1, 0, 1]) + 2 * weighted(text.slice(2), [0, 1, 0, 1, 0, 1])) % 10 ===
    part(text, 8, 1);

function brazilian(text: string, first: readonly number[], second: readonly number[]): boolean {
  const check = (weights: readonly number[]): number => {
    const rest = weighted(text, weights) % 11;
    return rest < 2 ? 0 : 11 - rest;
  };
  return (
    !isMonotone(text) && check(first) === part(text, first.length, 1) && check(second) === part(text, second.length, 1)
  );
}

const cpf = (text: string): boolean => brazilian(text, [10, 9, 8, 7, 6, 5, 4, 3, 2], [11, 10, 9, 8, 7, 6, 5, 4, 3, 2]);
const cnpj = (text: string): boolean =>
  brazilian(text, [5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2], [6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2]);

function cuit(text: string): boolean {
  const rest = 11 - (weighted(text, [5, 4, 3, 2, 7, 6, 5, 4, 3, 2]) % 11);
  return /^(?:2[03457]|3[034])/.test(text) && (rest === 11 ? 0 : rest === 10 ? 9 : rest) === part(text, 10, 1);
}

function rut(text: string): boolean {
  const body = text.slice(0, -1);
  let sum = 0;
  for (let i = body.length - 1, weight = 2; i >= 0; i--, weight = weight === 7 ? 2 : weight + 1)
    sum += part(body, i, 1) * weight;
  const check = 11 - (sum % 11);
  return (check === 11 ? "0" : check === 10 ? "K" : String(check)) === text.slice(-1);
}

const CURP_ALPHABET = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ";
function curp(text: string): boolean {
  if (!/^[A-Z]{4}[0-9]{6}[HMX][A-Z]{5}[0-9A-Z][0-9]$/.test(text) || !isDay(part(text, 6, 2), part(text, 8, 2)))
    return false;
  const sum = Array.from(text.slice(0, 17)).reduce(
    (total, letter, i) => total + CURP_ALPHABET.indexOf(letter) * (18 - i),
    0,
  );
  return (10 - (sum % 10)) % 10 === part(text, 17, 1);
}

/** North and South America. */
export const AMERICAS: readonly NationalId[] = [
  {
    kind: "US_ITIN",
    forms: ["999-99-9999", "999999999"],
    separators: "- ",
    valid: itin,
    trust: "anywhere",
    bare: "named",
    words: words("itin", "tax"),
    source: "https://www.irs.gov/irm/part3/irm_03-021-263r",
  },
  {
    kind: "US_ABA_ROUTING",
    forms: ["999999999", "9999-9999-9"],
    separators: "-",
    valid: routing,
    trust: "alone",
    words: words("aba", "routing", "rtn", "bank"),
    source: "https://www.aba.com/about-us/routing-number",
  },
  {
    kind: "US_MBI",
    forms: ["9A*9-A*9-AA99", "9A*9A*9AA99"],
    separators: "- ",
    valid: (text) => MBI.test(text),
    trust: "anywhere",
    words: words("mbi", "medicare"),
    source: "https://www.cms.gov/medicare/new-medicare-card/understanding-the-mbi-with-format.pdf",
  },
  {
    kind: "US_NPI",
    forms: ["9999999999", "9999-999-999"],
    separators: "- ",
    valid: provider,
    trust: "alone",
    words: words("npi", "provider"),
    source:
      "https://www.cms.gov/Regulations-and-Guidance/Administrative-Simplification/NationalProvIdentStand/Downloads/NPIcheckdigit.pdf",
  },
  {
    kind: "US_MEDICAL_LICENSE",
    forms: ["AA9999999"],
    separators: "",
    valid: dea,
    trust: "alone",
    words: words("dea", "certificate", "licen", "medical", "prescri", "registra"),
    source: "https://www.deadiversion.usdoj.gov/",
  },
  {
    kind: "CA_SIN",
    forms: ["999-999-999", "999999999"],
    separators: "- ",
    valid: (text) => /^[1-79]/.test(text) && luhn(text) && !isMonotone(text),
    trust: "alone",
    words: words("sin", "nas", "social_insurance", "assurance_sociale"),
    source: "https://www.canada.ca/en/employment-social-development/services/sin.html",
  },
  {
    kind: "BR_CPF",
    forms: ["999.999.999-99", "99999999999"],
    separators: "-",
    valid: cpf,
    trust: "anywhere",
    bare: "named",
    words: words("cpf"),
    source: "https://www.gov.br/receitafederal/",
  },
  {
    kind: "BR_CNPJ",
    forms: ["99.999.999/9999-99", "99999999999999"],
    separators: "-",
    valid: cnpj,
    trust: "anywhere",
    bare: "alone",
    words: words("cnpj"),
    source: "https://www.gov.br/receitafederal/",
  },
  {
    kind: "AR_CUIT",
    forms: ["99-99999999-9", "99999999999"],
    separators: "-",
    valid: cuit,
    trust: "named",
    words: words("cuit", "cuil"),
    source: "https://www.afip.gob.ar/",
  },
  {
    kind: "CL_RUT",
    forms: ["99.999.999-*", "9.999.999-*", "99999999-*"],
    separators: "-",
    valid: rut,
    trust: "anywhere",
    words: words("rut", "run"),
    source: "https://www.registrocivil.cl/",
  },
  {
    kind: "MX_CURP",
    forms: ["AAAA999999AAAAAA*9"],
    separators: "",
    valid: curp,
    trust: "anywhere",
    words: words("curp"),
    source: "https://www.gob.mx/curp/",
  },
];
