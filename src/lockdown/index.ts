// For `node --import sallyport/lockdown`: from here on the guard is the way out. Has an effect and exports nothing.
import { syncBuiltinESMExports } from "node:module";
import { OptionsError } from "../errors/guard-error.js";
import { readAllowList } from "./allow.js";
import { type Children, watchChildren } from "./children.js";
import { explainGlobals } from "./globals.js";
import { lockNames } from "./names.js";
import { lockSideDoors } from "./side-doors.js";
import { lockDatagrams, lockSockets } from "./sockets.js";

/** Two copies in one process, or one that a worker is told to load twice, lock once. */
const LOCKED = Symbol.for("sallyport.lockdown");

function childrenMode(text: string): Children {
  if (text === "warn" || text === "refuse") return text;
  throw new OptionsError([{ pointer: "/SALLYPORT_LOCKDOWN_CHILDREN", message: 'must be "warn" or "refuse"' }]);
}

if (!(LOCKED in globalThis)) {
  Object.defineProperty(globalThis, LOCKED, { value: true });
  const allowed = readAllowList(process.env["SALLYPORT_LOCKDOWN_ALLOW"] ?? "");
  const children = childrenMode(process.env["SALLYPORT_LOCKDOWN_CHILDREN"] ?? "warn");
  lockSockets(allowed);
  lockDatagrams(allowed);
  lockNames(allowed);
  lockSideDoors();
  explainGlobals(allowed);
  watchChildren(children);
  syncBuiltinESMExports();
}
