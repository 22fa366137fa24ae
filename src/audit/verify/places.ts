import { join } from "node:path";
import { originOf } from "../writer/line.js";
import type { LogPlace } from "./verify-log.js";

/** Names of writer directories: UUIDs. */
export const WRITER: RegExp = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
export const LEDGER_PREFIX = "ledger-";
/** Put behind the name of a segment for the half line that a crash left at its end. */
export const TORN_SUFFIX = ".torn";

/** The ledger of a writer: which sessions there were. */
export function ledgerPlace(root: string, writer: string): LogPlace {
  return {
    directory: join(root, writer),
    filePrefix: LEDGER_PREFIX,
    origin: originOf(writer),
    firstType: "log.opened",
    lastType: "log.closed",
  };
}

/** The log of one session. */
export function sessionPlace(root: string, writer: string, session: string): LogPlace {
  return {
    directory: join(root, writer, session),
    filePrefix: "",
    origin: originOf(writer, session),
    session,
    firstType: "session.opened",
    lastType: "session.closed",
  };
}
