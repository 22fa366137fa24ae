import { Buffer } from "node:buffer";
import type { Context, Reader } from "./reader.js";
import { LOOK_BEHIND, Scanner } from "./scanner.js";
import { PLAIN, Segment } from "./segment.js";
import { ReaderStage, type StageContext } from "./stage.js";

/** The value of a field, masked; texts have one character per byte. */
export function maskedField(context: StageContext, name: string, value: string): string {
  const stage = new ReaderStage(context, (full) => new NamedTextReader(full, name));
  return Buffer.from(stage.whole(Buffer.from(value, "latin1"))).toString("latin1");
}

/** The value of a field whose name stands elsewhere, and may say what the value is. */
export class NamedTextReader implements Reader {
  readonly #segment: Segment;

  /** `name` has one character per byte. */
  constructor({ window, scanning, field, replace }: Context, name: string) {
    const bytes = new Uint8Array(LOOK_BEHIND + name.length + 1);
    for (let i = 0; i < name.length; i++) bytes[LOOK_BEHIND + i] = name.charCodeAt(i);
    const end = LOOK_BEHIND + name.length;
    field.role = "name";
    field.rename(bytes, LOOK_BEHIND, end);
    // Detectors of names leave their rules in the field; what is found in the name is masked where the name stands.
    const scanner = new Scanner(scanning, field, { found: () => undefined, swallowed: () => undefined });
    scanner.begin(LOOK_BEHIND);
    scanner.run(bytes, end, true);
    field.role = "value";
    this.#segment = new Segment(window, scanning, field, PLAIN, replace);
    this.#segment.begin(LOOK_BEHIND);
  }

  get hold(): number {
    return this.#segment.undecided;
  }

  run(to: number, final: boolean): void {
    this.#segment.advance(to, final);
  }

  moved(by: number): void {
    this.#segment.moved(by);
  }
}
