import { accessSync, constants, mkdirSync } from "node:fs";
import { resolve } from "node:path";
import type { ApprovalRecord } from "../approval/index.js";
import type { CredentialLease } from "../broker/index.js";
import { needed, object, readOptions, type Shape } from "../shapes/index.js";
import { approvalIndex, approvalsIn } from "./approvals.js";
import { credentialsIn, leaseIndex } from "./credentials.js";
import { FileTable } from "./file/file-table.js";
import { limitIndex, limitsIn } from "./limits.js";
import type { Store } from "./memory-store.js";
import { type SentRequest, sentIn, sentIndex } from "./sent.js";
import { SIZES, type StoreSizes, sizesOf } from "./sizes.js";
import type { SlidingWindow } from "./sliding-window.js";

/** Options of {@link fileStore}. */
export type FileStoreOptions = StoreSizes;

/** A store that somebody opened and should close. */
export interface FileStore extends Store {
  /** Waits for what is under way, and closes the files. Everything asked of the store afterwards fails. */
  close(): Promise<void>;
}

/**
 * Keeps everything in plain files of a directory, which is made (mode 0700) where it does not exist. Survives the death of
 * processes and of the machine: what was answered is on the disk. Several processes may use one directory at once, on a local
 * file system; of two that take the same grant one gets it. Bounded: history is written out of the files as they grow.
 *
 * Whoever can write to the directory can approve; keep agents away from it.
 *
 * @throws OptionsError where the directory cannot be used
 */
export function fileStore(directory: string, options: FileStoreOptions = {}): FileStore {
  const { maxApprovals, maxLimits } = sizesOf(readOptions(options, OPTIONS));
  const path = readOptions({ directory }, PLACE).directory;
  const approvals = new FileTable<ApprovalRecord>({
    directory: path,
    name: "approvals",
    indexOf: approvalIndex,
    check: checkVersion,
  });
  const limits = new FileTable<SlidingWindow>({
    directory: path,
    name: "limits",
    indexOf: limitIndex,
    check: () => undefined,
  });
  const credentials = new FileTable<CredentialLease>({
    directory: path,
    name: "credentials",
    indexOf: leaseIndex,
    check: () => undefined,
  });
  const sent = new FileTable<SentRequest>({
    directory: path,
    name: "sent",
    indexOf: sentIndex,
    check: () => undefined,
  });
  return {
    sent: sentIn(sent),
    credentials: credentialsIn(credentials),
    approvals: approvalsIn(approvals, maxApprovals),
    limits: limitsIn(limits, maxLimits, ({ now }) => now),
    close: async () => {
      await Promise.all([approvals.close(), limits.close(), credentials.close(), sent.close()]);
    },
  };
}

/** A record of a later version may mean what this one does not know of. */
function checkVersion({ v }: ApprovalRecord): void {
  if (v !== 1) throw new Error(`An approval of version ${String(v)} was written by a later version of this library.`);
}

/** A directory that can be used, by its whole path. It is made where it is not there. */
const usable: Shape<string> = {
  read(given, place) {
    if (typeof given !== "string" || given === "" || given.includes("\0"))
      return void place.report("must be the path of a directory");
    const path = resolve(given);
    try {
      mkdirSync(path, { recursive: true, mode: 0o700 });
      accessSync(path, constants.R_OK | constants.W_OK);
      return path;
    } catch (error) {
      return void place.report(`${path} cannot be used (${(error as NodeJS.ErrnoException).code ?? "UNKNOWN"})`);
    }
  },
};

const PLACE: Shape<{ readonly directory: string }> = object({
  directory: needed(usable, "must be the path of a directory"),
});

const OPTIONS: Shape<FileStoreOptions> = object<FileStoreOptions>(SIZES);
