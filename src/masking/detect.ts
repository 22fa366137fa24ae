import { utf8 } from "./bytes.js";
import { FieldContext } from "./probe.js";
import { Scanner, type ScannerOptions } from "./scanner.js";

/** Something sensitive in a text: UTF-16 code units, `end` exclusive. */
export interface Finding {
  readonly kind: string;
  readonly start: number;
  readonly end: number;
  /** For `SECRET`: whose, and what, e.g. `github_token`. */
  readonly vendor?: string;
}

/** The findings in a text, each with its bytes. */
export function findIn(text: string, options: ScannerOptions): (Finding & { readonly value: Uint8Array })[] {
  const bytes = utf8(text);
  const found: { kind: string; vendor: string | undefined; start: number; stop: number }[] = [];
  const scanner = new Scanner(options, new FieldContext(), {
    found: (kind, vendor, _bytes, start, stop) => void found.push({ kind, vendor, start, stop }),
    swallowed: (_start, stop) => {
      const last = found.at(-1);
      if (last !== undefined) last.stop = stop;
    },
  });
  scanner.begin(0);
  scanner.run(bytes, bytes.length, true);
  const index = codeUnits(bytes);
  return found.map(({ kind, vendor, start, stop }) => ({
    kind,
    start: index(start),
    end: index(stop),
    ...(vendor === undefined ? {} : { vendor }),
    value: bytes.subarray(start, stop),
  }));
}

/** From byte indices, asked in ascending order, to UTF-16 code units. */
function codeUnits(bytes: Uint8Array): (byteIndex: number) => number {
  let at = 0;
  let units = 0;
  return (byteIndex) => {
    for (; at < byteIndex; at++) {
      const byte = bytes[at] as number;
      if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
    }
    return units;
  };
}
