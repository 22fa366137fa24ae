import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll } from "vitest";
import { createGuard, type Guard, type GuardOptions, type Session } from "../../src/index.js";
import { silentLog } from "../support/guards.js";
import { type Lab, openLab } from "./lab.js";

/** The lab, and a session whose policy lets everything there through; there from the first test of the file to the last. */
export interface GuardedLab {
  readonly lab: Lab;
  readonly session: Session;
}

/** Opens them for the tests of this file. The object is filled in before the first of them runs. */
export function guardedLab(options: Partial<GuardOptions> = {}): GuardedLab {
  const opened: { lab?: Lab; session?: Session } = {};
  let guard: Guard;
  let scratch: string;
  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "sallyport-conformance-"));
    const lab = await openLab();
    guard = await createGuard({
      policy: {
        version: 1,
        services: { lab: { origins: [lab.a, lab.b, lab.closed], addresses: ["127.0.0.0/8"], redirects: 20 } },
        rules: [{ id: "all", effect: "allow", service: "lab", methods: ["*"], path: "/**" }],
      },
      audit: { directory: join(scratch, "audit"), sync: "os" },
      log: silentLog(),
      ...options,
    });
    opened.lab = lab;
    opened.session = await guard.openSession({
      principal: { id: "ada", type: "human" },
      agent: { id: "conformance" },
      purpose: "comparing with fetch",
    });
  });
  afterAll(async () => {
    await guard.close();
    await opened.lab?.close();
    rmSync(scratch, { recursive: true, force: true });
  });
  return opened as GuardedLab;
}
