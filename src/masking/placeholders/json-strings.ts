/** A string in a JSON text that is a value, and not a name. */
export interface JsonString {
  /** What it says, decoded. */
  readonly text: string;
  /** The names and numbers that lead there from the root. */
  readonly path: readonly string[];
  /** The member that it belongs to, also as an element of lists; null where there is none. */
  readonly name: string | null;
}

interface Visitor {
  /** What shall stand in the place of a value, or null to leave it as it is written. */
  value(string: JsonString): string | null;
  name(text: string): void;
}

interface Container {
  readonly isList: boolean;
  /** The member, or the number of the element, that is being read. */
  at: string;
  isNameNext: boolean;
}

/** A JSON text with some of its string values replaced, and every other byte as it was. The text is known to be JSON. */
export function replaceStrings(json: string, visitor: Visitor): string {
  const open: Container[] = [];
  let out = "";
  let copied = 0;
  let at = 0;
  while (at < json.length) {
    const inner = open.at(-1);
    switch (json[at]) {
      case "{":
        open.push({ isList: false, at: "", isNameNext: true });
        break;
      case "[":
        open.push({ isList: true, at: "0", isNameNext: false });
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case ",":
        if (inner?.isList === true) inner.at = String(Number(inner.at) + 1);
        else if (inner !== undefined) inner.isNameNext = true;
        break;
      case '"': {
        const end = endOfString(json, at);
        const text = decoded(json.slice(at, end));
        if (inner?.isNameNext === true) {
          inner.isNameNext = false;
          inner.at = text;
          visitor.name(text);
        } else {
          const replacement = visitor.value({ text, path: open.map((one) => one.at), name: nearestName(open) });
          if (replacement !== null) {
            out += json.slice(copied, at) + JSON.stringify(replacement);
            copied = end;
          }
        }
        at = end;
        continue;
      }
    }
    at++;
  }
  return copied === 0 ? json : out + json.slice(copied);
}

/** From the opening quote to behind the closing one. */
function endOfString(json: string, start: number): number {
  let at = start + 1;
  while (json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

const decoded = (literal: string): string =>
  literal.includes("\\") ? (JSON.parse(literal) as string) : literal.slice(1, -1);

const nearestName = (open: readonly Container[]): string | null => open.findLast(({ isList }) => !isList)?.at ?? null;
