import { readFileSync } from "node:fs";

/** One fenced block of a page: its language, the word after it, and its text. */
export interface Fence {
  readonly language: string;
  /** What the fence is: a file name to write it to, or a kind such as `rule`. */
  readonly label: string;
  readonly text: string;
  readonly line: number;
}

/** A page in the order it is read: fences and tables. */
export interface Page {
  readonly name: string;
  readonly text: string;
  readonly parts: readonly (({ readonly kind: "fence" } & Fence) | ({ readonly kind: "table" } & Table))[];
}

export interface Table {
  readonly header: readonly string[];
  readonly rows: readonly (readonly string[])[];
  readonly line: number;
}

export const docs: URL = new URL("../../docs/", import.meta.url);

/** Reads a page of `docs/`. */
export function readPage(name: string): Page {
  const text = readFileSync(new URL(name, docs), "utf8");
  const lines = text.split("\n");
  const parts: Page["parts"][number][] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const fence = /^```(\S+) ?(.*)$/.exec(line);
    if (fence !== null) {
      const end = lines.indexOf("```", at + 1);
      if (end === -1) throw new Error(`${name}:${at + 1}: the fence is never closed`);
      const [, language = "", label = ""] = fence;
      parts.push({ kind: "fence", language, label, text: `${lines.slice(at + 1, end).join("\n")}\n`, line: at + 1 });
      at = end;
    } else if (line.startsWith("|") && /^\|[-| ]+\|$/.test(lines[at + 1] ?? "")) {
      const rows: (readonly string[])[] = [];
      let next = at + 2;
      for (; lines[next]?.startsWith("|"); next++) rows.push(cellsOf(lines[next] ?? ""));
      parts.push({ kind: "table", header: cellsOf(line), rows, line: at + 1 });
      at = next - 1;
    }
  }
  return { name, text, parts };
}

/** Cells of a row; `\|` is a bar inside a cell. */
const cellsOf = (row: string): readonly string[] =>
  row
    .slice(1, row.lastIndexOf("|"))
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll("\\|", "|"));

/** The text between the first pair of backticks. */
export const codeIn = (cell: string): string | undefined => /`([^`]+)`/.exec(cell)?.[1];

/** The tables of a page that have this header. */
export const tablesOf = (page: Page, ...header: readonly string[]): readonly Table[] =>
  page.parts.flatMap((part) => (part.kind === "table" && part.header.join("|") === header.join("|") ? [part] : []));
