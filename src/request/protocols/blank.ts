import type { JsonValue } from "../body/json.js";
import { isObject } from "./jsonrpc.js";

/** A JSON value with null in each of these places that is there: what is left is the same for bodies that differ only there. */
export const blanked = (value: JsonValue, places: readonly (readonly string[])[]): JsonValue =>
  places.reduce((whole, tokens) => blank(whole, tokens), value);

function blank(value: JsonValue, [token, ...deeper]: readonly string[]): JsonValue {
  if (token === undefined) return null;
  if (Array.isArray(value)) {
    const list = value as readonly JsonValue[];
    return list.map((item, index) => (String(index) === token ? blank(item, deeper) : item));
  }
  if (!isObject(value) || !Object.hasOwn(value, token)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => [name, name === token ? blank(member, deeper) : member]),
  );
}
