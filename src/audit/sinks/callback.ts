import { requireFunction, requireText } from "../../shapes/index.js";
import type { AuditSink, RecordedLine } from "./sink.js";

/** Calls a function with every line. What it throws is dropped, and so is the line where it takes more than five seconds. */
export function callbackSink(
  write: (recorded: RecordedLine) => void | Promise<void>,
  name: string = "callback",
): AuditSink {
  requireFunction(write, "write");
  requireText(name, "name");
  return { name, write: (recorded) => write(recorded) };
}
