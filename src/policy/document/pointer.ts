import { foldCase } from "../../request/body/json.js";

/** Stands for a value that is not there, among values that are. */
export const ABSENT: unique symbol = Symbol("absent");

/** Stands for a value that cannot be told for certain: it fails an allow and fires a deny. */
export const DOUBT: unique symbol = Symbol("doubt");

/** A JSON Pointer (RFC 6901) in which `*` stands for every element of an array or every member of an object. */
export interface Pointer {
  readonly tokens: readonly string[];
  readonly text: string;
}

/** Parses a pointer, or gives null where it is none: it must be empty or start with `/`, and `~` be followed by 0 or 1. */
export function parsePointer(text: string): Pointer | null {
  if (text === "") return { tokens: [], text };
  if (!text.startsWith("/") || /~(?![01])/.test(text)) return null;
  return {
    tokens: text
      .slice(1)
      .split("/")
      .map((token) => token.replaceAll("~1", "/").replaceAll("~0", "~")),
    text,
  };
}

/** Escapes one token of a pointer. */
export const pointerToken = (token: string): string => token.replaceAll("~", "~0").replaceAll("/", "~1");

/**
 * How members are found. `plain`: as they are. `wide`, for a deny: under another case of their name too (many servers read
 * `Amount` as `amount`), through a list where an object was meant, and in one value where a list was; since other servers
 * see nothing there, it is absent as well. A value that cannot have members is doubt. `strict`, for an allow: all of that
 * is doubt.
 */
export type Reading = "plain" | "strict" | "wide";

/** All values at the pointer; {@link ABSENT} for each place where the path ends early, {@link DOUBT} for each that is unclear. */
export function valuesAt(root: unknown, { tokens }: Pointer, reading: Reading): readonly unknown[] {
  const found: unknown[] = [];
  const visit = (value: unknown, depth: number): void => {
    const token = tokens[depth];
    if (token === undefined) found.push(value);
    else if (Array.isArray(value)) visitList(value, token, depth);
    else if (typeof value === "object" && value !== null) visitObject(value as Members, token, depth);
    else if (value === null || reading === "plain") found.push(ABSENT);
    else if (reading === "strict" || token !== "*") found.push(DOUBT);
    else {
      found.push(ABSENT);
      visit(value, depth + 1);
    }
  };
  const visitList = (list: readonly unknown[], token: string, depth: number): void => {
    if (token === "*") for (const item of list) visit(item, depth + 1);
    else if (INDEX.test(token))
      Number(token) < list.length ? visit(list[Number(token)], depth + 1) : found.push(ABSENT);
    else if (reading === "wide") {
      found.push(ABSENT);
      for (const item of list) visit(item, depth);
    } else found.push(reading === "strict" ? DOUBT : ABSENT);
  };
  const visitObject = (members: Members, token: string, depth: number): void => {
    if (token === "*") {
      for (const key of Object.keys(members)) visit(members[key], depth + 1);
      const next = tokens[depth + 1];
      if (reading === "wide" && next !== undefined && Object.hasOwn(members, next)) visit(members, depth + 1);
    } else if (Object.hasOwn(members, token)) visit(members[token], depth + 1);
    else {
      const spelling = reading === "plain" ? undefined : otherCase(members, token);
      if (spelling === undefined) found.push(ABSENT);
      else if (reading === "wide") {
        found.push(ABSENT);
        visit(members[spelling], depth + 1);
      } else found.push(DOUBT);
    }
  };
  visit(root, 0);
  return found;
}

type Members = Readonly<Record<string, unknown>>;

const INDEX = /^(?:0|[1-9][0-9]{0,9})$/;

/** The reader of bodies has made sure that there is at most one. */
function otherCase(members: Members, token: string): string | undefined {
  const folded = foldCase(token);
  return Object.keys(members).find((key) => foldCase(key) === folded);
}
