import cluster from "node:cluster";
import { isMainThread, Worker, workerData } from "node:worker_threads";
import { openAuditLog } from "../../../src/audit/index.js";
import { intent, OPENING } from "../events.js";

/** The same program as main thread, two worker threads and two cluster workers, all writing to one directory at once. */
const directory = isMainThread ? (process.argv[2] ?? "") : (workerData as string);

async function write(): Promise<void> {
  const log = await openAuditLog({ directory, warn: () => {} });
  const session = log.openSession(OPENING);
  for (let count = 0; count < 200; count++) {
    session.append(intent(`r${count}`));
    if (count % 20 === 0) await session.sync();
  }
  await log.close();
}

if (isMainThread && cluster.isPrimary) {
  const path = new URL(import.meta.url);
  const threads = [1, 2].map(() => new Worker(path, { workerData: directory }));
  const workers = [1, 2].map(() => cluster.fork());
  const ended = [...threads, ...workers].map(
    (one) => new Promise<void>((resolve) => (one as Worker).once("exit", () => resolve())),
  );
  await Promise.all([write(), ...ended]);
} else {
  await write();
  if (cluster.isWorker) process.exit(0);
}
