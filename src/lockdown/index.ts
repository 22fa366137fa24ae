// For `node --import sallyport/lockdown`: from here on the guard is the way out. Has an effect and exports nothing.
import { syncBuiltinESMExports } from "node:module";
import { systemFiles } from "../audit/file-system.js";
import { OptionsError } from "../errors/guard-error.js";
import { journalFiles } from "../store/file/journal.js";
import { lockAddons, readAddons } from "./addons.js";
import { readAllowList } from "./allow.js";
import { lockChannels } from "./channels.js";
import { type Children, watchChildren } from "./children.js";
import { lockContexts } from "./contexts.js";
import { lockDatagrams } from "./datagrams.js";
import { createDescriptors, lockFiles } from "./descriptors.js";
import { holdExports } from "./exports.js";
import { lockFileHandles } from "./file-handles.js";
import { explainGlobals } from "./globals.js";
import { nativePrototypes } from "./handles.js";
import { lockDebugger } from "./inspector.js";
import { lockNames } from "./names.js";
import { lockProcess } from "./process-doors.js";
import { lockSockets } from "./sockets.js";

/** Two copies in one process, or one that a worker is told to load twice, lock once. */
const LOCKED = Symbol.for("sallyport.lockdown");

function childrenMode(text: string): Children {
  if (text === "warn" || text === "refuse") return text;
  throw new OptionsError([{ pointer: "/SALLYPORT_LOCKDOWN_CHILDREN", message: 'must be "warn" or "refuse"' }]);
}

if (!(LOCKED in globalThis)) {
  Object.defineProperty(globalThis, LOCKED, { value: true });
  const { env } = process;
  const allowed = readAllowList(env["SALLYPORT_LOCKDOWN_ALLOW"] ?? "");
  const children = childrenMode(env["SALLYPORT_LOCKDOWN_CHILDREN"] ?? "warn");
  const addons = readAddons(env["SALLYPORT_LOCKDOWN_ADDONS"] ?? "");
  // What the record and the store are written with was taken when those modules were loaded, and stays.
  Object.freeze(systemFiles);
  Object.freeze(journalFiles);
  const natives = nativePrototypes();
  const descriptors = createDescriptors();
  const names = lockNames(allowed);
  lockSockets(allowed, natives, descriptors);
  lockDatagrams(allowed, natives, descriptors, names);
  lockChannels();
  lockContexts();
  lockDebugger();
  lockAddons(addons);
  await lockFileHandles(descriptors);
  lockFiles(descriptors);
  explainGlobals(allowed);
  watchChildren(children, natives);
  lockProcess(descriptors);
  holdExports();
  syncBuiltinESMExports();
}
