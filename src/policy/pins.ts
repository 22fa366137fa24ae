import type { MatcherDocument, Scalar } from "./document/document.js";
import { type Pointer, parsePointer, valuesAt } from "./document/pointer.js";
import { compileMatcher } from "./match/matcher.js";
import { everyMatches } from "./match/values.js";

/**
 * What an approver allows where a rule lets the requests of one yes differ: for a JSON Pointer of the body a value, a list of
 * values, or an object of `eq`, `in`, `gt`, `gte`, `lt`, `lte`, `prefix` and `maxLength`, all of which must hold. The rule is
 * judged as well, so that they can only narrow.
 */
export type Pins = Readonly<Record<string, MatcherDocument>>;

const MAX_PINS = 20;
const MAX_VALUES = 100;
const MAX_TEXT = 1024;
const NUMBERS: ReadonlySet<string> = new Set(["gt", "gte", "lt", "lte"]);

/** Reads pins into a copy of their own; null where they are none. */
export function readPins(given: unknown): Pins | null {
  if (!isObject(given)) return null;
  const entries = Object.entries(given);
  if (entries.length === 0 || entries.length > MAX_PINS) return null;
  const pins: (readonly [string, MatcherDocument])[] = [];
  for (const [text, document] of entries) {
    if (text.length > MAX_TEXT || partPointer(text) === null || !isMatcher(document)) return null;
    pins.push([text, structuredClone(document)]);
  }
  return Object.fromEntries(pins);
}

/** A pointer to one place of a body, or null: not the whole body, and no `*`. */
export function partPointer(text: string): Pointer | null {
  const pointer = parsePointer(text);
  return pointer === null || pointer.tokens.length === 0 || pointer.tokens.includes("*") ? null : pointer;
}

/** The pins that a body is outside of, in words for whoever sent it; empty where it is inside all of them. */
export function outsideOf(pins: Pins, body: unknown): readonly string[] {
  return Object.entries(pins).flatMap(([text, document]) => {
    const matcher = compileMatcher(document, text, () => undefined);
    const pointer = partPointer(text);
    const inside = pointer !== null && everyMatches(valuesAt(body, pointer, "strict"), matcher);
    return inside ? [] : [`${text} must be ${matcher.expected}`];
  });
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const isScalar = (value: unknown): value is Scalar =>
  value === null ||
  typeof value === "boolean" ||
  (typeof value === "number" && Number.isFinite(value)) ||
  (typeof value === "string" && value.length <= MAX_TEXT);

const isList = (value: unknown): boolean =>
  Array.isArray(value) && value.length > 0 && value.length <= MAX_VALUES && value.every(isScalar);

function isMatcher(value: unknown): value is MatcherDocument {
  if (isScalar(value) || isList(value)) return true;
  if (!isObject(value)) return false;
  const operators = Object.entries(value);
  return operators.length > 0 && operators.every(([name, operand]) => isOperator(name, operand));
}

function isOperator(name: string, operand: unknown): boolean {
  if (NUMBERS.has(name)) return typeof operand === "number" && Number.isFinite(operand);
  if (name === "eq") return isScalar(operand);
  if (name === "in") return isList(operand);
  if (name === "maxLength") return Number.isSafeInteger(operand) && (operand as number) >= 0;
  return name === "prefix" && typeof operand === "string" && operand !== "" && operand.length <= MAX_TEXT;
}
