/** What text can look like. Each function is the identity where colours are off. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly blue: (text: string) => string;
  readonly magenta: (text: string) => string;
  readonly cyan: (text: string) => string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Whether to write colours: `FORCE_COLOR` decides where it is set (`0` and `false` mean no), then a non-empty `NO_COLOR`
 * (no-color.org) means no, and otherwise it takes a terminal that is not dumb.
 */
export function wantsColour(env: Environment, isTerminal: boolean): boolean {
  const { FORCE_COLOR: force, NO_COLOR: refuse, TERM: kind } = env;
  if (force !== undefined) return force !== "0" && force !== "false";
  if (refuse !== undefined && refuse !== "") return false;
  return isTerminal && kind !== "dumb";
}

/** ANSI colours, or none. */
export function createStyle(colours: boolean): Style {
  const paint =
    (open: number, close: number) =>
    (text: string): string =>
      colours && text !== "" ? `\x1b[${open}m${text}\x1b[${close}m` : text;
  return {
    bold: paint(1, 22),
    dim: paint(2, 22),
    red: paint(31, 39),
    green: paint(32, 39),
    yellow: paint(33, 39),
    blue: paint(34, 39),
    magenta: paint(35, 39),
    cyan: paint(36, 39),
  };
}

/** Breaks text at blanks into lines of at most `width` characters; a longer word is broken where it has to be. */
export function wrap(text: string, width: number): readonly string[] {
  return text.split("\n").flatMap((paragraph) => {
    const lines: string[] = [];
    let line = "";
    for (const word of paragraph.split(" ").flatMap((long) => pieces(long, width))) {
      if (line !== "" && line.length + 1 + word.length > width) {
        lines.push(line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    return [...lines, line];
  });
}

function pieces(word: string, width: number): readonly string[] {
  if (word.length <= width) return [word];
  return [word.slice(0, width), ...pieces(word.slice(width), width)];
}
