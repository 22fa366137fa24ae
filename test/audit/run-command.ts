import { auditCommand } from "../../src/cli/audit.js";

/** What a command printed, and its exit code if it gave one. */
export interface Ran {
  readonly out: string;
  readonly code: number | undefined;
}

/** Runs `sallyport audit …`. */
export async function audit(...args: string[]): Promise<Ran> {
  let out = "";
  let code: number | undefined;
  const command = auditCommand({
    write: (text) => {
      out += text;
    },
    exit: (given) => {
      code = given;
    },
  });
  await command.parseAsync(args, { from: "user" });
  return { out, code };
}
