import { Buffer } from "node:buffer";
import { NameReader } from "./name-reader.js";
import type { Context } from "./reader.js";
import { ReaderStage, type StageContext } from "./stage.js";
import { TextReader } from "./text-reader.js";

/** The value of a field, masked; texts have one character per byte. */
export function maskedField(context: StageContext, name: string, value: string): string {
  const stage = new ReaderStage(context, (full) => new NamedTextReader(full, name));
  return Buffer.from(stage.whole(Buffer.from(value, "latin1"))).toString("latin1");
}

/** The value of a field whose name stands elsewhere, and may say what the value is. */
export class NamedTextReader extends TextReader {
  /** `name` has one character per byte. */
  constructor(context: Context, name: string) {
    new NameReader(context.scanning, context.field).read(Buffer.from(name, "latin1"));
    super(context);
  }
}
