import inspector from "node:inspector";
import { isMainThread } from "node:worker_threads";
import { lock, refusing } from "./refuse.js";

/**
 * A debugger reads every variable. Node opens one for whoever sends SIGUSR1, also the process itself: a listener of one's own
 * takes the place of Node's, and whoever takes the listener away ends the process with the next signal.
 */
export function lockDebugger(): void {
  lock(inspector, "open", refusing("inspector.open"));
  for (const name of ["connect", "connectToMainThread"])
    lock(inspector.Session.prototype, name, refusing("inspector.Session"));
  for (const name of ["_debugProcess", "_debugEnd", "_startProfilerIdleNotifier", "_stopProfilerIdleNotifier"])
    lock(process, name, refusing(`process.${name}`));
  if (inspector.url() !== undefined)
    process.emitWarning("The process runs with a debugger: whoever connects to it reads and changes everything.", {
      code: "SALLYPORT_LOCKDOWN_DEBUGGER",
    });
  if (!isMainThread || process.platform === "win32") return;
  process.on("SIGUSR1", () =>
    process.emitWarning("A signal asked for a debugger, which sallyport/lockdown does not open.", {
      code: "SALLYPORT_LOCKDOWN_DEBUGGER",
    }),
  );
}
