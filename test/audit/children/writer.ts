import { writeSync } from "node:fs";
import { openAuditLog } from "../../../src/audit/index.js";
import { intent, OPENING } from "../events.js";

/** Writes for ever and says, line by line, what has been acknowledged; killed from outside. */
const log = await openAuditLog({ directory: process.argv[2] ?? "", warn: () => {} });
const session = log.openSession(OPENING);
for (let count = 0; ; count++) {
  const { seq } = session.append(intent(`r${count}`));
  writeSync(1, `${seq} r${count}\n`);
  if (count % 50 === 0) await session.sync();
}
