/** What a format holds for: text, or numbers. Formats that are not here say nothing, as JSON Schema has it. */
type Format =
  | { readonly type: "string"; readonly validate: (text: string) => boolean }
  | { readonly type: "number"; readonly validate: (value: number) => boolean };

const text = (validate: (text: string) => boolean): Format => ({ type: "string", validate });
const number = (validate: (value: number) => boolean): Format => ({ type: "number", validate });

const LABEL = /^[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$/;
const isHostname = (name: string): boolean => name.length <= 253 && name.split(".").every((label) => LABEL.test(label));

/** RFC 3339 full-date: a day that the calendar has. */
function isDate(date: string): boolean {
  if (!/^\d{4}-\d{2}-\d{2}$/.test(date)) return false;
  const day = new Date(`${date}T00:00:00Z`);
  return !Number.isNaN(day.getTime()) && day.toISOString().startsWith(date);
}

/** RFC 3339 full-time; a second may be a leap second. */
function isTime(time: string): boolean {
  const parts = /^(\d{2}):(\d{2}):(\d{2})(?:\.\d{1,9})?(?:[Zz]|[+-](\d{2}):(\d{2}))$/.exec(time);
  if (parts === null) return false;
  const [, hour, minute, second, offsetHour = "0", offsetMinute = "0"] = parts;
  const isWithin = (value: string | undefined, most: number): boolean => Number(value) <= most;
  return (
    isWithin(hour, 23) &&
    isWithin(minute, 59) &&
    isWithin(second, 60) &&
    isWithin(offsetHour, 23) &&
    isWithin(offsetMinute, 59)
  );
}

function isIpv4(address: string): boolean {
  const numbers = address.split(".", 5);
  return numbers.length === 4 && numbers.every((one) => /^(?:0|[1-9]\d{0,2})$/.test(one) && Number(one) <= 255);
}

const isIpv6 = (address: string): boolean =>
  /^[0-9A-Fa-f:.]{2,45}$/.test(address) && URL.canParse(`http://[${address}]/`);

/** An address as RFC 5321 has it, without quotes, comments and address literals. */
function isEmail(address: string): boolean {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, Math.max(at, 0));
  return (
    local.length >= 1 &&
    local.length <= 64 &&
    local.split(".").every((atom) => /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+$/.test(atom)) &&
    isHostname(address.slice(at + 1))
  );
}

/** The characters that RFC 3986 allows, with whole escapes. */
const isUriText = (uri: string): boolean => /^(?:[A-Za-z0-9\-._~:/?#[\]@!$&'()*+,;=]|%[0-9A-Fa-f]{2})*$/.test(uri);
const isUri = (uri: string): boolean => /^[A-Za-z][A-Za-z0-9+.-]*:/.test(uri) && isUriText(uri);

/**
 * The formats that OpenAPI and JSON Schema name, as far as they can be told from the text alone. Our own, because each runs in
 * linear time: the agent writes what is tested.
 */
export const FORMATS: Readonly<Record<string, Format>> = {
  int32: number((value) => Number.isInteger(value) && value >= -2_147_483_648 && value <= 2_147_483_647),
  int64: number((value) => Number.isInteger(value) && value >= -(2 ** 63) && value < 2 ** 63),
  float: number((value) => Math.abs(value) <= 3.4028234663852886e38),
  double: number(Number.isFinite),
  byte: text((base64) => base64.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(base64)),
  date: text(isDate),
  time: text(isTime),
  "date-time": text(
    (instant) => /^.{10}[Tt]/.test(instant) && isDate(instant.slice(0, 10)) && isTime(instant.slice(11)),
  ),
  uuid: text((uuid) => /^[0-9A-Fa-f]{8}(?:-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$/.test(uuid)),
  email: text(isEmail),
  hostname: text(isHostname),
  ipv4: text(isIpv4),
  ipv6: text(isIpv6),
  uri: text(isUri),
  "uri-reference": text(isUriText),
};
