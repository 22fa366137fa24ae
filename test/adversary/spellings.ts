/** The ways in which a service may write a credential that it was sent, so that whoever decodes it has it. */

export const bytes = (text: string): Buffer => Buffer.from(text, "utf8");
const upper = (text: string): string => text.toUpperCase();

const percent = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${hexOf(c)}`);
const hexOf = (character: string): string => upper(character.charCodeAt(0).toString(16).padStart(2, "0"));
const everyByte = (text: string): string => bytes(text).toString("hex").replace(/../g, "%$&");
const form = (text: string): string => new URLSearchParams({ a: text }).toString().slice(2);
const entities = (text: string, write: (code: number) => string): string =>
  Array.from(text, (character) => write(character.codePointAt(0) as number)).join("");
const NAMED: Readonly<Record<string, string>> = {
  ...{ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;", "/": "&sol;", "=": "&equals;" },
  ...{ "+": "&plus;", "(": "&lpar;", ")": "&rpar;", "!": "&excl;", "*": "&ast;", "@": "&commat;", "\\": "&bsol;" },
  ...{ _: "&lowbar;", ".": "&period;", "~": "~" },
};
const named = (text: string): string => text.replace(/[^A-Za-z0-9]/g, (character) => NAMED[character] ?? character);
const json = (text: string): string => JSON.stringify(text).slice(1, -1);
const unicodeEscapes = (text: string): string =>
  Array.from({ length: text.length }, (_, i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, "0")}`).join("");
const everyOther = (text: string, write: (character: string) => string): string =>
  Array.from(text, (character, i) => (i % 2 === 0 ? character : write(character))).join("");
const wrapped = (text: string, columns: number, end: string): string =>
  text.replace(new RegExp(`(.{${columns}})(?=.)`, "g"), `$1${end}`);

/** The text alone. */
export const WAYS: Readonly<Record<string, (text: string) => string>> = {
  "as it is": (text) => text,
  "percent-encoded": encodeURIComponent,
  "percent-encoded, also !'()*": percent,
  "percent-encoded in lower case": (text) => percent(text).replace(/%../g, (code) => code.toLowerCase()),
  "percent-encoded in mixed case": (text) =>
    percent(text).replace(/%(.)(.)/g, (_all, a, b) => `%${a}${b.toLowerCase()}`),
  "percent-encoded byte for byte": everyByte,
  "percent-encoded in part": (text) => everyOther(text, (character) => everyByte(character)),
  "percent-encoded twice": (text) => percent(percent(text)),
  "percent-encoded byte for byte, twice": (text) => percent(everyByte(text)),
  "percent-encoded three times": (text) => percent(percent(percent(text))),
  "as a form value": form,
  "as a form value in a URL": (text) => percent(form(text)),
  "with named entities": named,
  "with the entities of a template engine": (text) =>
    text.replace(/[&<>"'/]/g, (character) => `&#${character.charCodeAt(0)};`),
  "with decimal entities": (text) => entities(text, (code) => `&#${code};`),
  "with decimal entities and zeros": (text) => entities(text, (code) => `&#000${code};`),
  "with decimal entities without semicolons": (text) => everyOther(text, (c) => `&#${c.codePointAt(0)};`),
  "with hex entities": (text) => entities(text, (code) => `&#x${code.toString(16)};`),
  "with upper-case hex entities": (text) => entities(text, (code) => `&#X${upper(code.toString(16))};`),
  "with entities, twice": (text) => entities(text, (code) => `&amp;#${code};`),
  "in JSON": json,
  "in JSON with escaped slashes": (text) => json(text).replaceAll("/", "\\/"),
  "in JSON, all escaped": unicodeEscapes,
  "in JSON, escaped in part": (text) =>
    everyOther(json(text), (c) => (c === "\\" ? c : unicodeEscapes(c))).replace(/\\\\u005c/g, "\\\\"),
  "in JSON in JSON": (text) => json(json(text)),
  "in JSON in JSON, with escaped slashes": (text) => json(json(text).replaceAll("/", "\\/")),
  "in JSON in JSON in JSON": (text) => json(json(json(text))),
  "in JSON in JSON, all escaped": (text) => json(unicodeEscapes(text)),
  "as a string of JavaScript": (text) =>
    Array.from(bytes(text), (byte) => `\\x${byte.toString(16).padStart(2, "0")}`).join(""),
  "in hex": (text) => bytes(text).toString("hex"),
  "in upper-case hex": (text) => upper(bytes(text).toString("hex")),
  "in hex with colons": (text) =>
    bytes(text)
      .toString("hex")
      .replace(/..(?=.)/g, "$&:"),
  "in hex with blanks, as a Buffer prints itself": (text) =>
    bytes(text)
      .toString("hex")
      .replace(/..(?=.)/g, "$& "),
  "percent-encoded in JSON": (text) => json(percent(text)),
  "JSON in a form": (text) => form(json(text)),
};

/** How a text is written inside of something longer, whose bytes stand around it. */
export const AROUND: Readonly<Record<string, (text: string, before: number) => string>> = {
  base64: (text, before) => bytes(`${"user:::".slice(0, before)}${text}:after`).toString("base64"),
  "base64 without padding": (text, before) =>
    bytes(`${"u".repeat(before)}${text}`)
      .toString("base64")
      .replaceAll("=", ""),
  base64url: (text, before) => bytes(`${"u".repeat(before)}${text}`).toString("base64url"),
  "base64 in lines of 76": (text, before) =>
    wrapped(bytes(`${"x".repeat(40 + before)}${text} and more behind it`).toString("base64"), 76, "\r\n"),
  "base64 in lines of 7": (text, before) => wrapped(bytes(`${"x".repeat(before)}${text}`).toString("base64"), 7, "\n"),
  "base64 in a URL": (text, before) => encodeURIComponent(bytes(`${"?".repeat(before)}${text}`).toString("base64")),
  "base64 in JSON with escaped slashes": (text, before) =>
    bytes(`${"?".repeat(before)}${text}`)
      .toString("base64")
      .replaceAll("/", "\\/"),
  "base64 of JSON": (text, before) => bytes(JSON.stringify({ ["z".repeat(before + 1)]: text })).toString("base64"),
  "base64 of a percent-encoded text": (text, before) => bytes("=".repeat(before) + percent(text)).toString("base64"),
  "base64 of base64": (text, before) =>
    bytes("v".repeat(before) + bytes(`u:${text}`).toString("base64")).toString("base64"),
  "base64 of hex": (text, before) => bytes("v".repeat(before) + bytes(text).toString("hex")).toString("base64"),
  "hex of JSON": (text, before) => bytes(JSON.stringify({ ["z".repeat(before + 1)]: text })).toString("hex"),
};
