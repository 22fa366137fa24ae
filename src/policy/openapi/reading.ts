import { pointerToken } from "../document/pointer.js";

/** An object of the description, as it is written. */
export type Node = Readonly<Record<string, unknown>>;

/** Says what is wrong, and where in the description. */
export type Report = (at: string, message: string) => void;

export const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export const nodeAt = (node: Node, key: string): Node => {
  const value = node[key];
  return isNode(value) ? value : EMPTY;
};

const EMPTY: Node = Object.freeze(Object.create(null) as Node);

export const listAt = (node: Node, key: string): readonly unknown[] => {
  const value = node[key];
  return Array.isArray(value) ? value : [];
};

/** As long a chain of references as anybody writes; a circle ends here too. */
const MAX_REFERENCES = 16;

/** A part of the description and where it is, after references to other parts have been followed. */
export interface Place {
  readonly node: Node;
  readonly at: string;
}

/** Follows `$ref` within the description. */
export function resolve(root: Node, start: unknown, startsAt: string, report: Report): Place | null {
  let value = start;
  let at = startsAt;
  for (let followed = 0; followed <= MAX_REFERENCES; followed++) {
    if (!isNode(value)) {
      report(at, "is not an object");
      return null;
    }
    const reference = value["$ref"];
    if (typeof reference !== "string") return { node: value, at };
    // One that leads out of the document has been reported already.
    if (!reference.startsWith("#/")) return null;
    at = decodeURIComponent(reference.slice(1));
    value = valueAt(root, at);
    if (value === undefined) {
      report(startsAt, `refers to ${reference}, which is not there`);
      return null;
    }
  }
  report(startsAt, "refers in a circle");
  return null;
}

function valueAt(root: Node, pointer: string): unknown {
  let value: unknown = root;
  for (const token of pointer.slice(1).split("/")) {
    const key = token.replaceAll("~1", "/").replaceAll("~0", "~");
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
    value = (value as Node)[key];
  }
  return value;
}

/** Reports every reference that leads out of the description: nothing is fetched, and nothing else is read. */
export function reportForeignReferences(value: unknown, report: Report, at = "", isMap = false): void {
  if (typeof value !== "object" || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    const here = `${at}/${pointerToken(key)}`;
    if (!isMap && IS_DATA.has(key)) continue;
    if (key === "$ref" && typeof inner === "string" && !isWithin(inner))
      report(here, "refers to another document; put what it refers to into this one");
    else reportForeignReferences(inner, report, here, !isMap && NAMES_ITS_MEMBERS.has(key));
  }
}

function isWithin(reference: string): boolean {
  try {
    decodeURIComponent(reference);
    return reference === "#" || reference.startsWith("#/");
  } catch {
    return false;
  }
}

/** Keys that hold values rather than schemas: what looks like a reference there is data. */
export const IS_DATA: ReadonlySet<string> = new Set(["example", "examples", "default", "enum", "const"]);

/** Keys whose members are named by the author. */
export const NAMES_ITS_MEMBERS: ReadonlySet<string> = new Set(["properties", "patternProperties", "schemas", "$defs"]);
