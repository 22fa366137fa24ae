import { writeSync } from "node:fs";
import { openAuditLog } from "../../../src/audit/index.js";
import { intent, OPENING } from "../events.js";

/** Writes some lines and ends in one of the ways in which processes end. */
const [, , directory = "", way = ""] = process.argv;
const log = await openAuditLog({ directory, warn: () => {} });
const session = log.openSession(OPENING);
for (let count = 0; count < 40; count++) writeSync(1, `${session.append(intent(`r${count}`)).seq} r${count}\n`);
switch (way) {
  case "exit":
    process.exit(0);
    break;
  case "exception":
    throw new Error("nobody catches this");
  case "idle":
    // The event loop has nothing left to do; the process ends without closing anything.
    break;
  case "close":
    await log.close();
    writeSync(1, "closed\n");
    break;
  case "SIGTERM":
    process.on("SIGTERM", () => {
      void log.close().then(() => process.exit(0));
    });
    setInterval(() => {}, 1000);
    writeSync(1, "ready\n");
}
