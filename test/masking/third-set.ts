/**
 * A third set of cases, made by rules that share no code with the detectors: what the two halves of the corpus do not
 * hold. The same seed gives the same cases.
 */

/** A number from 0 (included) to 1 (excluded), the next of a fixed sequence. */
export type Random = () => number;

/** Mulberry32: small, and the same everywhere. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export const below = (random: Random, limit: number): number => Math.floor(random() * limit);
export const oneOf = <T>(random: Random, list: readonly T[]): T => list[below(random, list.length)] as T;
export const textOf = (random: Random, alphabet: string, length: number): string =>
  Array.from({ length }, () => alphabet.charAt(below(random, alphabet.length))).join("");

export const DIGITS = "0123456789";
export const UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
export const HEX = "0123456789abcdef";
export const BASE62: string = DIGITS + UPPER + UPPER.toLowerCase();
const digits = (random: Random, length: number): string => textOf(random, DIGITS, length);
const two = (value: number): string => String(value).padStart(2, "0");
const day = (random: Random): string => two(1 + below(random, 28));
const month = (random: Random): string => two(1 + below(random, 12));

/** The digit that makes a number pass Luhn's check. */
export function luhnDigit(body: string): string {
  const sum = [...body].reverse().reduce((total, character, i) => {
    const value = Number(character) * (i % 2 === 0 ? 2 : 1);
    return total + (value > 9 ? value - 9 : value);
  }, 0);
  return String((10 - (sum % 10)) % 10);
}

const grouped = (text: string, sizes: readonly number[], separator: string): string => {
  const groups: string[] = [];
  let at = 0;
  for (const size of sizes) {
    groups.push(text.slice(at, at + size));
    at += size;
  }
  return groups.join(separator);
};

/** Another digit than the last one. */
export const withWrongEnd = (random: Random, text: string): string =>
  text.slice(0, -1) + String((Number(text.slice(-1)) + 1 + below(random, 8)) % 10);

function card(random: Random): string {
  const [beginning, length] = oneOf(random, [
    ["4", 16],
    ["51", 16],
    ["55", 16],
    ["2221", 16],
    ["2720", 16],
    ["34", 15],
    ["37", 15],
    ["36", 14],
    ["3530", 16],
    ["6011", 16],
    ["65", 16],
    ["62", 16],
  ] as const);
  const body = beginning + digits(random, length - 1 - beginning.length);
  return body + luhnDigit(body);
}

function spacedCard(random: Random): string {
  const number = card(random);
  const separator = oneOf(random, [" ", "-"]);
  return grouped(number, number.length === 15 ? [4, 6, 5] : number.length === 14 ? [4, 6, 4] : [4, 4, 4, 4], separator);
}

/** By country: BBAN as `9` digits, `A` letters, `*` either. */
const BBANS: readonly (readonly [string, string])[] = [
  ["DE", "999999999999999999"],
  ["GB", "AAAA99999999999999"],
  ["FR", "9999999999***********99"],
  ["NL", "AAAA9999999999"],
  ["ES", "99999999999999999999"],
  ["NO", "99999999999"],
  ["MT", "AAAA99999******************"],
  ["CH", "99999************"],
  ["SA", "99******************"],
  ["BR", "99999999999999999999999A*"],
];

function iban(random: Random): string {
  const [country, bban] = oneOf(random, BBANS);
  const body = [...bban]
    .map((sign) => (sign === "9" ? digits(random, 1) : textOf(random, sign === "A" ? UPPER : DIGITS + UPPER, 1)))
    .join("");
  let rest = 0n;
  for (const character of `${body}${country}00`) rest = BigInt(`${rest}${Number.parseInt(character, 36)}`) % 97n;
  return country + two(98 - Number(rest)) + body;
}

function wrongIban(random: Random): string {
  const whole = iban(random);
  return whole.slice(0, 2) + two((Number(whole.slice(2, 4)) + 1 + below(random, 90)) % 100) + whole.slice(4);
}

function ssn(random: Random): string {
  const area = oneOf(random, [1 + below(random, 665), 667 + below(random, 233)]);
  return `${String(area).padStart(3, "0")}-${two(1 + below(random, 99))}-${String(1 + below(random, 9999)).padStart(4, "0")}`;
}

const wrongSsn = (random: Random): string =>
  oneOf(random, [
    `000-${two(1 + below(random, 99))}-${digits(random, 4)}`,
    `666-${two(1 + below(random, 99))}-${digits(random, 4)}`,
    `${below(random, 9)}${digits(random, 2)}-00-${digits(random, 4)}`,
    `${below(random, 9)}${digits(random, 2)}-${digits(random, 2)}-0000`,
    `${digits(random, 3)}-${digits(random, 2)}.${digits(random, 4)}`,
  ]);

const WORDS = ["anna", "b.smith", "carlos", "d_lee", "eve+news", "f-o-x", "grace.hopper", "x9", "o'neil"];
const DOMAINS = ["example.com", "mail.example.co.uk", "xn--80ak6aa92e.com", "corp.internal", "a-b.io", "firma.museum"];
const email = (random: Random): string => `${oneOf(random, WORDS)}@${oneOf(random, DOMAINS)}`;
const wrongEmail = (random: Random): string =>
  oneOf(random, [
    `@${oneOf(random, WORDS)}`,
    `${oneOf(random, WORDS)}@localhost`,
    `lodash@${below(random, 9)}.${below(random, 30)}.${below(random, 30)}`,
    `actions/checkout@v${below(random, 9)}`,
    `registry.example/app@sha256:${textOf(random, HEX, 64)}`,
    `@types/node@${below(random, 30)}.${below(random, 9)}.0`,
    `${oneOf(random, WORDS)}@@example.com`,
  ]);

function phone(random: Random): string {
  const separator = oneOf(random, ["", " ", "-", "."]);
  return oneOf(random, [
    `+1${separator}${2 + below(random, 8)}${digits(random, 2)}${separator}${2 + below(random, 8)}${digits(random, 2)}${separator}${digits(random, 4)}`,
    `+49${separator}${grouped(`30${digits(random, 7)}`, [2, 3, 4], separator)}`,
    `+44 (0)20 ${grouped(digits(random, 8), [4, 4], " ")}`,
    `+33 ${1 + below(random, 9)} ${grouped(digits(random, 8), [2, 2, 2, 2], " ")}`,
    `+91 ${9}${digits(random, 4)} ${digits(random, 5)}`,
    `+55 11 9${digits(random, 4)}-${digits(random, 4)}`,
    `(${2 + below(random, 8)}${digits(random, 2)}) ${2 + below(random, 8)}${digits(random, 2)}-${digits(random, 4)}`,
    `${2 + below(random, 8)}${digits(random, 2)}-${2 + below(random, 8)}${digits(random, 2)}-${digits(random, 4)}`,
  ]);
}

const wrongPhone = (random: Random): string =>
  oneOf(random, [
    `20${digits(random, 2)}-${month(random)}-${day(random)} 1${below(random, 10)}:00`,
    `+${below(random, 9)}.${below(random, 99)} %`,
    `INV-${digits(random, 4)}-${digits(random, 6)}`,
    `${digits(random, 3)}-${digits(random, 4)}`,
    `order 1${digits(random, 9)}`,
    `1${5 + below(random, 3)}${digits(random, 8)}`,
    `1${5 + below(random, 3)}${digits(random, 11)}`,
    `rev +${digits(random, 3)} -${digits(random, 3)}`,
    `10.${digits(random, 4)}/zenodo.${digits(random, 7)}`,
  ]);

const octets = (random: Random, count: number): string =>
  Array.from({ length: count }, () => below(random, 256)).join(".");
const hextet = (random: Random): string => below(random, 65536).toString(16);
const address = (random: Random): string =>
  oneOf(random, [
    octets(random, 4),
    `${octets(random, 4)}/${1 + below(random, 32)}`,
    `2001:db8::${hextet(random)}`,
    Array.from({ length: 8 }, () => `a${below(random, 4096).toString(16)}`).join(":"),
    `fe80::${hextet(random)}:${hextet(random)}%eth${below(random, 4)}`,
    `::ffff:${octets(random, 4)}`,
  ]);
const wrongAddress = (random: Random): string =>
  oneOf(random, [
    octets(random, 3),
    octets(random, 6),
    `v${octets(random, 4)}`,
    `version ${octets(random, 4)}`,
    `${256 + below(random, 700)}.${octets(random, 3)}`,
    `12:${two(below(random, 60))}:${two(below(random, 60))}`,
    `std::vector${below(random, 9)}`,
    `1.3.6.1.4.1.${digits(random, 4)}.${below(random, 9)}.2`,
    `${octets(random, 3)}-beta`,
    `${octets(random, 2)}.0${below(random, 9)}.${below(random, 9)}`,
  ]);

const pairs = (random: Random, count: number, separator: string): string =>
  Array.from({ length: count }, () => textOf(random, HEX, 2)).join(separator);
const mac = (random: Random): string =>
  oneOf(random, [
    pairs(random, 6, ":"),
    pairs(random, 6, "-").toUpperCase(),
    grouped(textOf(random, HEX, 12), [4, 4, 4], "."),
    pairs(random, 8, ":"),
  ]);
const wrongMac = (random: Random): string =>
  oneOf(random, [
    pairs(random, 5, ":"),
    pairs(random, 7, "-"),
    pairs(random, 16, ":"),
    pairs(random, 20, ":").toUpperCase(),
    `${pairs(random, 5, ":")}:g0`,
    `${textOf(random, HEX, 8)}-${textOf(random, HEX, 4)}-4${textOf(random, HEX, 3)}-a${textOf(random, HEX, 3)}-${textOf(random, HEX, 12)}`,
  ]);

const json64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");
const jwt = (random: Random): string =>
  `${json64({ alg: oneOf(random, ["HS256", "RS256", "none", "EdDSA"]), typ: "JWT" })}.${json64({ sub: digits(random, 6) })}.${textOf(random, `${BASE62}-_`, 43)}`;
const wrongJwt = (random: Random): string =>
  oneOf(random, [
    `${json64({ page: below(random, 99), at: digits(random, 8) })}.${json64({ q: 1 })}`,
    json64({ alg: "HS256", typ: "JWT" }),
    `${textOf(random, BASE62, 20)}.${textOf(random, BASE62, 20)}.${textOf(random, BASE62, 20)}`,
    `eyJ${textOf(random, "xyz", 3)}`,
  ]);

/** What a kind is found by, what looks like it, and how many of a hundred must come out right. */
export interface Made {
  readonly kind: string;
  readonly positive: (random: Random) => string;
  readonly negative: (random: Random) => string;
}

export const GENERAL: readonly Made[] = [
  { kind: "CREDIT_CARD", positive: card, negative: (random) => withWrongEnd(random, card(random)) },
  { kind: "CREDIT_CARD", positive: spacedCard, negative: (random) => withWrongEnd(random, spacedCard(random)) },
  { kind: "IBAN", positive: iban, negative: wrongIban },
  {
    kind: "IBAN",
    positive: (random) => iban(random).replace(/.{4}(?=.)/g, "$& "),
    negative: (random) => wrongIban(random).replace(/.{4}(?=.)/g, "$& "),
  },
  { kind: "US_SSN", positive: ssn, negative: wrongSsn },
  { kind: "EMAIL", positive: email, negative: wrongEmail },
  { kind: "PHONE", positive: phone, negative: wrongPhone },
  { kind: "IP_ADDRESS", positive: address, negative: wrongAddress },
  { kind: "MAC_ADDRESS", positive: mac, negative: wrongMac },
  { kind: "JWT", positive: jwt, negative: wrongJwt },
];

/** What is in every system and is nobody's: ids, versions, times, hashes, pictures, parcels, books, goods. */
export const HARMLESS: Readonly<Record<string, (random: Random) => string>> = {
  "a UUID": (random) =>
    `${textOf(random, HEX, 8)}-${textOf(random, HEX, 4)}-4${textOf(random, HEX, 3)}-a${textOf(random, HEX, 3)}-${textOf(random, HEX, 12)}`,
  "a UUID of digits": (random) =>
    `${digits(random, 8)}-${digits(random, 4)}-4${digits(random, 3)}-8${digits(random, 3)}-${digits(random, 12)}`,
  "a SHA-1": (random) => textOf(random, HEX, 40),
  "a SHA-256": (random) => textOf(random, HEX, 64),
  "a digest": (random) => `sha256:${textOf(random, HEX, 64)}`,
  "an integrity": (random) => `sha512-${textOf(random, `${BASE62}+/`, 86)}==`,
  "a semver": (random) => `${below(random, 30)}.${below(random, 30)}.${below(random, 30)}-rc.${below(random, 9)}`,
  "a build": (random) => `build 20${digits(random, 2)}.${below(random, 12)}.${below(random, 28)}.${digits(random, 4)}`,
  "a time": (random) =>
    `20${digits(random, 2)}-${month(random)}-${day(random)}T1${below(random, 10)}:2${below(random, 10)}:3${below(random, 10)}.${digits(random, 3)}Z`,
  seconds: (random) => `17${digits(random, 8)}`,
  milliseconds: (random) => `17${digits(random, 11)}`,
  microseconds: (random) => `17${digits(random, 14)}`,
  nanoseconds: (random) => `17${digits(random, 17)}`,
  "an order": (random) => `ORD-20${digits(random, 2)}-${digits(random, 6)}`,
  "an invoice": (random) => `INV${digits(random, 8)}`,
  "an ISBN": (random) => `978-${below(random, 9)}-${digits(random, 4)}-${digits(random, 4)}-${below(random, 9)}`,
  "a parcel": (random) => `1Z${textOf(random, DIGITS + UPPER, 16)}`,
  "a postal item": (random) => `R${textOf(random, UPPER, 1)}${digits(random, 9)}US`,
  "a picture": (random) => `data:image/png;base64,iVBORw0KGgo${textOf(random, `${BASE62}+/`, 120)}==`,
  "an object id": (random) => textOf(random, HEX, 24),
  "a ULID": (random) => `01${textOf(random, "0123456789ABCDEFGHJKMNPQRSTVWXYZ", 24)}`,
  "a record id": (random) => `00${below(random, 9)}${textOf(random, BASE62, 15)}`,
  "a cursor": (random) => Buffer.from(JSON.stringify({ offset: below(random, 9999), q: "open" })).toString("base64url"),
  "an amount": (random) => `${below(random, 999)},${digits(random, 3)}.${digits(random, 2)} EUR`,
  coordinates: (random) => `${below(random, 90)}.${digits(random, 12)}, -${below(random, 180)}.${digits(random, 12)}`,
  "a colour": (random) => `#${textOf(random, HEX, 6)}`,
  "a route": (random) => `/api/v2/accounts/${digits(random, 7)}/orders/${digits(random, 6)}?page=${below(random, 99)}`,
  "a host and port": (random) => `db-${below(random, 99)}.internal.example:${5000 + below(random, 999)}`,
  "a snowflake": (random) => `1${digits(random, 17)}`,
  "a trace": (random) => `00-${textOf(random, HEX, 32)}-${textOf(random, HEX, 16)}-01`,
  "an etag": (random) => `W/"${textOf(random, HEX, 32)}"`,
  "a ticket": (random) => `${textOf(random, UPPER, 4)}-${digits(random, 5)}`,
  "an ARN": (random) => `arn:aws:iam::${digits(random, 12)}:role/app-${below(random, 99)}`,
  "a range of dates": (random) =>
    `${day(random)}.${month(random)}.20${digits(random, 2)} - ${day(random)}.${month(random)}.20${digits(random, 2)}`,
};

/** Where a value stands. The signs around it are those that people and programs put there. */
export const SURROUNDINGS: readonly ((value: string) => string)[] = [
  (value) => value,
  (value) => `It is ${value}, as agreed.`,
  (value) => `(${value})`,
  (value) => `"${value}"`,
  (value) => `a;${value};b`,
  (value) => `<td>${value}</td>`,
  (value) => `note\t${value}\tend`,
  (value) => `Please use ${value}.`,
  (value) => `x: [${value}]`,
  (value) => `- ${value}\n- other`,
  (value) => `see '${value}'!`,
  (value) => `| ${value} |`,
];

const sum = (text: string, weights: readonly number[]): number =>
  weights.reduce((total, weight, i) => total + weight * Number(text[i]), 0);
/** Bodies until one of them has a check digit. */
function until(make: () => string | null): string {
  for (;;) {
    const made = make();
    if (made !== null) return made;
  }
}
const birthday = (random: Random): string => two(40 + below(random, 59)) + month(random) + day(random);

/** Numbers of states: a word for each, a right number, and the same one with a wrong end. */
export const NATIONAL: readonly (Made & { readonly word: string })[] = (
  [
    [
      "UK_NHS",
      "NHS number",
      (random) =>
        until(() => {
          const body = digits(random, 9);
          const check = (11 - (sum(body, [10, 9, 8, 7, 6, 5, 4, 3, 2]) % 11)) % 11;
          return check === 10 ? null : body + check;
        }),
    ],
    [
      "ES_NIF",
      "DNI",
      (random) => {
        const body = digits(random, 8);
        return body + "TRWAGMYFPDXBNJZSQVHLCKE"[Number(body) % 23];
      },
    ],
    [
      "BR_CPF",
      "CPF",
      (random) => {
        const body = digits(random, 9);
        const next = (text: string): string => {
          const rest = [...text].reduce((total, digit, i) => total + Number(digit) * (text.length + 1 - i), 0) % 11;
          return text + (rest < 2 ? 0 : 11 - rest);
        };
        return next(next(body));
      },
    ],
    [
      "FR_NIR",
      "NIR",
      (random) => {
        const body = `${1 + below(random, 2)}${digits(random, 2)}${month(random)}${two(1 + below(random, 95))}${digits(random, 6)}`;
        return body + two(97 - Number(BigInt(body) % 97n));
      },
    ],
    [
      "NL_BSN",
      "BSN",
      (random) =>
        until(() => {
          const body = `1${digits(random, 7)}`;
          const check = sum(body, [9, 8, 7, 6, 5, 4, 3, 2]) % 11;
          return check === 10 ? null : body + check;
        }),
    ],
    [
      "PL_PESEL",
      "PESEL",
      (random) => {
        const body = birthday(random) + digits(random, 4);
        return body + ((10 - (sum(body, [1, 3, 7, 9, 1, 3, 7, 9, 1, 3]) % 10)) % 10);
      },
    ],
    [
      "SE_PERSONNUMMER",
      "personnummer",
      (random) => {
        const body = birthday(random) + digits(random, 3);
        return `${body.slice(0, 6)}-${body.slice(6)}${luhnDigit(body)}`;
      },
    ],
    [
      "ZA_ID",
      "South African ID",
      (random) => {
        const body = `${birthday(random)}${digits(random, 4)}0${8}`;
        return body + luhnDigit(body);
      },
    ],
    [
      "TR_NATIONAL_ID",
      "TC Kimlik",
      (random) => {
        const body = `${1 + below(random, 9)}${digits(random, 8)}`;
        const tenth = ((sum(body, [7, -1, 7, -1, 7, -1, 7, -1, 7]) % 10) + 10) % 10;
        return `${body}${tenth}${(sum(body, [1, 1, 1, 1, 1, 1, 1, 1, 1]) + tenth) % 10}`;
      },
    ],
    [
      "CN_RESIDENT_ID",
      "身份证",
      (random) => {
        const body = `11010519${birthday(random)}${digits(random, 3)}`;
        return body + "10X98765432"[sum(body, [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]) % 11];
      },
    ],
    [
      "AU_TFN",
      "TFN",
      (random) =>
        until(() => {
          const body = `1${digits(random, 7)}`;
          // The last weight is 10, which is -1.
          const check = sum(body, [1, 4, 3, 7, 5, 8, 6, 9]) % 11;
          return check === 10 ? null : body + check;
        }),
    ],
    [
      "US_NPI",
      "NPI",
      (random) => {
        const body = `1${digits(random, 8)}`;
        return body + luhnDigit(`80840${body}`);
      },
    ],
    [
      "CA_SIN",
      "SIN",
      (random) => {
        const body = `${1 + below(random, 7)}${digits(random, 7)}`;
        return grouped(body + luhnDigit(body), [3, 3, 3], " ");
      },
    ],
  ] as readonly (readonly [string, string, (random: Random) => string])[]
).map(([kind, word, positive]) => ({ kind, word, positive, negative: (random) => withOtherEnd(positive(random)) }));

/** Another digit or letter at the end. */
function withOtherEnd(text: string): string {
  const last = text.slice(-1);
  const all = /[0-9]/.test(last) ? DIGITS : UPPER;
  return text.slice(0, -1) + all.charAt((all.indexOf(last) + 1) % all.length);
}

const quoted = (value: string, quote: string): string => quote + value + quote;

/** How a value is given to the name of a credential, wherever that is done. */
export const ASSIGNMENTS: readonly ((name: string, value: string) => string)[] = [
  (name, value) => `${name.toUpperCase()}_TOKEN=${value}`,
  (name, value) => `export ${name.toUpperCase()}_API_KEY="${value}"`,
  (name, value) => `${name}_secret: ${value}`,
  (name, value) => `{"${name}_token": "${value}"}`,
  (name, value) => `{"config.ini": "${name.toUpperCase()}_TOKEN=${value}\\nBACKUP_ENABLED=true"}`,
  (name, value) => `<${name}Token>${value}</${name}Token>`,
  (name, value) => `<add key="${name}Token" value="${value}" />`,
  (name, value) => `String ${name}Token = "${value}";`,
  (name, value) => `var ${name}Token string = "${value}"`,
  (name, value) => `${name}Token := "${value}"`,
  (name, value) => `$${name}_token .= "${value}"`,
  (name, value) => `const ${name}Token = ${quoted(value, "`")}`,
  (name, value) => `${name}_TOKEN ||= '${value}'`,
  (name, value) => `${name}_TOKEN ?= ${value}`,
  (name, value) => `:${name}_token => "${value}"`,
  (name, value) => `setenv("${name}_token", '${value}')`,
  (name, value) => `if ${name}_token == "${value}" {`,
  (name, value) => `run --${name}-token ${value}`,
  (name, value) => `run --${name}-token=${value} --now`,
  (name, value) => `curl -H "X-${name}-Token: ${value}" https://api.example`,
  (name, value) => `https://api.example/?${name}_token=${value}&page=1`,
  (name, value) => `my ${name} token is ${value}.`,
  (name, value) => `${name}_token=${value};other=1`,
  (name, value) => `env:\n  - name: ${name.toUpperCase()}_TOKEN\n    value: "${value}"`,
  (name, value) => `{ "name": "${name.toUpperCase()}_TOKEN", "value": "${value}" }`,
];
