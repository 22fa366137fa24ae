import { latin1 } from "../bytes.js";
import type { Probe } from "../probe.js";

const LONGEST = 48;
/** What goods and books are numbered by, and the account in the name of a resource of AWS. */
const OTHER =
  /(?:(?:^|[^a-z])(?:ean|gtin|upc|isbn|issn|barcode|sku|asin)(?:[-_ ]?(?:8|1[0-4]))?[-_a-z]{0,8}["']?[ \t]{0,3}[:=#]?[ \t]{0,3}["']?|arn:aws[a-z-]{0,10}:[a-z0-9-]{0,20}:[a-z0-9-]{0,16}:)$/;
const OTHER_NAME = /(?:^|[_-])(?:ean|gtin|upc|isbn|issn|sku|asin)(?:[_-]?(?:8|1[0-4]))?$|barcode/;

/**
 * Whether the words right before a number say that it is one of another kind, whose check digits pass for those of people
 * one time in ten.
 */
export function isOtherNumber({ bytes, contextFloor, field }: Probe, start: number): boolean {
  if (field.role === "value" && OTHER_NAME.test(field.name())) return true;
  const from = Math.max(contextFloor, start - LONGEST, 0);
  return OTHER.test(latin1(bytes, from, start).toLowerCase());
}
