import { createStyle, type Style, wrap } from "../../src/cli/style.js";

/** Who speaks. Told apart by a name in front, and by a colour where there are colours. */
export type Voice = "agent" | "guard" | "ledger" | "person" | "record" | "auditor";

/** One thing the demonstration says is so, and whether code found it so. */
export interface Claim {
  /** Number and title of its step. */
  readonly step: string;
  readonly text: string;
  readonly holds: boolean;
}

/** A field before and after masking. */
export interface SideBySide {
  readonly field: string;
  readonly before: string;
  readonly after: string;
}

/** Tells what happens as it happens, and keeps what was claimed. */
export interface Story {
  readonly claims: readonly Claim[];
  /** How long a shown line may be. */
  readonly width: number;
  /** What comes before the first step. */
  open(lines: readonly (readonly [label: string, text: string])[]): void;
  step(title: string): void;
  says(voice: Voice, text: string): void;
  /** Lines that keep their form, such as an approval card. */
  shows(voice: Voice, lines: readonly string[]): void;
  sideBySide(left: string, right: string, rows: readonly SideBySide[]): void;
  claim(text: string, holds: boolean): void;
  /** The table of what was proved, and whether all of it was. */
  close(remark: string): void;
}

export interface StoryOptions {
  readonly write: (text: string) => void;
  readonly colours: boolean;
  readonly columns: number | undefined;
  /** Whether the "before" of a side by side is shown: the one place where the demonstration prints what is masked. */
  readonly showOriginals: boolean;
}

const NAME = 9;

/** Opens a story that is written line by line. */
export function createStory({ write, colours, columns = 100, showOriginals }: StoryOptions): Story {
  const width = Math.min(Math.max(columns, 64), 104);
  const style = createStyle(colours);
  const paint = voicesOf(style);
  const claims: Claim[] = [];
  let step = "";
  let steps = 0;
  const line = (text = ""): void => write(`${text}\n`);
  const shows = (voice: Voice, lines: readonly string[], dim: boolean): void => {
    lines.forEach((text, index) => {
      const name = paint[voice]((index === 0 ? voice : "").padEnd(NAME));
      line(`  ${name}${paint[voice]("│")} ${dim ? style.dim(text) : text}`);
    });
  };

  return {
    claims,
    width: width - NAME - 4,
    open(lines) {
      line(`\n  ${style.bold("SALLYPORT")}  the one door between an agent and your internal SaaS\n`);
      for (const [label, text] of lines) line(`  ${style.dim(label.padEnd(NAME + 14))}${text}`);
    },
    step(title) {
      steps++;
      step = `${steps}. ${title}`;
      line(`\n${style.bold(`── ${step} `)}${style.dim("─".repeat(Math.max(width - step.length - 4, 2)))}`);
    },
    says: (voice, text) => shows(voice, wrap(text, width - NAME - 4), false),
    shows: (voice, lines) => shows(voice, lines, true),
    sideBySide(left, right, rows) {
      const label = Math.max(...rows.map(({ field }) => field.length)) + 2;
      const column = Math.floor((width - NAME - 4 - label) / 2) - 2;
      const put = (
        field: string,
        before: readonly string[],
        after: readonly string[],
        look: (text: string) => string,
      ): void => {
        for (let row = 0; row < Math.max(before.length, after.length); row++) {
          const name = (row === 0 ? field : "").padEnd(label);
          line(
            `  ${"".padEnd(NAME)}  ${style.dim(name)}${look((before[row] ?? "").padEnd(column))}  ${after[row] ?? ""}`,
          );
        }
      };
      put("", [left], [style.bold(right)], style.bold);
      for (const { field, before, after } of rows) {
        put(field, showOriginals ? wrap(before, column) : ["(not shown)"], wrap(after, column), style.yellow);
      }
    },
    claim(text, holds) {
      claims.push({ step, text, holds });
      line(`  ${"".padEnd(NAME)}  ${verdict(style, holds)} ${text}`);
    },
    close(remark) {
      line(`\n${style.bold("── What each step proved ")}${style.dim("─".repeat(width - 24))}`);
      for (const title of new Set(claims.map((claim) => claim.step))) {
        line(`\n  ${style.bold(title)}`);
        for (const claim of claims) if (claim.step === title) line(`    ${verdict(style, claim.holds)} ${claim.text}`);
      }
      const held = claims.filter((claim) => claim.holds).length;
      const all = `${held} of ${claims.length} claims hold`;
      line(`\n  ${held === claims.length ? style.green(all) : style.red(`${all}: THIS IS A FAULT`)}${remark}\n`);
    },
  };
}

const verdict = (style: Style, holds: boolean): string => (holds ? style.green("✓") : style.red("✗ NOT SO:"));

const voicesOf = (style: Style): Readonly<Record<Voice, (text: string) => string>> => ({
  agent: style.cyan,
  guard: style.magenta,
  ledger: style.yellow,
  person: style.green,
  record: style.blue,
  auditor: style.bold,
});
