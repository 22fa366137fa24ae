import type { OperationalLog } from "../operational-log.js";
import { isCondition } from "../request/entity-tags.js";
import { mayBeSent } from "../request/headers.js";
import { asksForPiece } from "../request/pieces.js";

/** Tells the operator of header fields that were left out, each once: SDKs send the same ones with every call. */
export type DropLog = (service: string, names: readonly string[]) => void;

/** An agent can make up names without end: after so many, no more are told. */
const MAX_TOLD = 1000;

/** Makes a {@link DropLog} that writes warnings. */
export function createDropLog(log: OperationalLog): DropLog {
  const told = new Set<string>();
  return (service, names) => {
    for (const header of names) {
      const key = `${service} ${header}`;
      if (told.has(key) || told.size >= MAX_TOLD) continue;
      told.add(key);
      log.warn({ service, header: header.slice(0, MAX_NAME) }, reasonFor(header));
    }
  };
}

function reasonFor(header: string): string {
  if (asksForPiece(header)) return "a header field was left out: a piece of a response cannot be masked";
  if (isCondition(header))
    return "a header field was left out: an entity tag that the session did not get tells of a masked body";
  return mayBeSent(header)
    ? "a header field was left out beside the guard's credential; to send it, list it under `headers` of the service"
    : "a header field was left out: an agent may not set it";
}

const MAX_NAME = 64;
const MAX_NAMES = 50;

/** The names as a response shows them to the caller, in `x-sallyport-dropped`; null where there are none. */
export function droppedHeader(names: ReadonlySet<string>): string | null {
  if (names.size === 0) return null;
  const shown = [...names].slice(0, MAX_NAMES).map((name) => name.slice(0, MAX_NAME));
  return [...shown, ...(names.size > MAX_NAMES ? ["..."] : [])].join(", ");
}
