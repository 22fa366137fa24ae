/**
 * What a terminal or a chat would hide, obey or reorder: controls, line ends, bidi marks, zero-width and tag characters,
 * variation selectors, blank letters, unusual spaces, halves of pairs, private and unassigned code points. And `⟨`, the
 * mark that makes them visible, so that nobody can write a mark themselves.
 */
const INVISIBLE =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800⟨]|(?! )\p{Zs}|(?<=\p{M}\p{M})\p{M}/gu;

const PADDING = / {9,}/g;

/** One line of text in which every character that is there can be seen. Different texts stay different. */
export function visible(text: string): string {
  return text.replace(INVISIBLE, mark).replace(PADDING, (blanks) => `⟨${blanks.length} blanks⟩`);
}

const NAMES: Readonly<Record<string, string>> = { "\n": "line feed", "\r": "carriage return", "\t": "tab" };

const mark = (character: string): string =>
  `⟨${NAMES[character] ?? `U+${(character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, "0")}`}⟩`;

/** Text of several lines as lines of at most `width` columns: text that wraps by itself could begin like a line of ours. */
export function visibleLines(text: string, width: number): readonly string[] {
  return text.split(/\r\n|\n/).flatMap((line) => folded(visible(line.replaceAll("\t", "    ")), width));
}

function folded(line: string, width: number): readonly string[] {
  const lines: string[] = [];
  let current = "";
  let columns = 0;
  for (const character of line) {
    // Wide by guess: too early a fold does no harm.
    const wide = character.charCodeAt(0) > 0x10ff ? 2 : 1;
    if (columns + wide > width) {
      lines.push(current);
      current = "";
      columns = 0;
    }
    current += character;
    columns += wide;
  }
  return [...lines, current];
}
