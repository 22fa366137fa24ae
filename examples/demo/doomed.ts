import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import type { OperationalLog } from "sallyport";
import { createAuditKey } from "./auditor.js";
import { type GuardPlace, openGuard } from "./guard.js";
import { TICKET } from "./ticket.js";

/** What a process that is going to be killed is told, on its standard input: a key is in it. */
export interface Doom {
  readonly place: GuardPlace;
  readonly directory: string;
  readonly identityToken: string;
  readonly refund: object;
}

const silent: OperationalLog = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };

/** A guard and its agent in a process of their own: prints the id of what it asks, and then waits, for whoever kills it. */
export async function runDoomed(input: Readable, write: (line: string) => void): Promise<void> {
  const { place, directory, identityToken, refund } = JSON.parse(await text(input)) as Doom;
  const { guard } = await openGuard(place, {
    directory,
    signer: createAuditKey().signer,
    log: silent,
    async ask({ id }, control) {
      write(`${id}\n`);
      return control.pending();
    },
  });
  const session = await guard.openSession({ ...TICKET, identityToken });
  await session.fetch(`${place.ledgerOrigin}/api/refunds`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(refund),
  });
}

/** Tells such a process what to do, and kills it (SIGKILL) when it has asked. Answers with the id of its question. */
export async function killWhenItAsks(child: ChildProcess, doom: Doom, signal: AbortSignal): Promise<string> {
  const kill = (): void => void child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  const ended = once(child, "exit");
  try {
    // A child that ended too early is seen by what it did not print.
    child.stdin?.on("error", () => undefined).end(JSON.stringify(doom));
    let printed = "";
    for await (const chunk of child.stdout ?? []) {
      printed += String(chunk);
      if (printed.includes("\n")) kill();
    }
    await ended;
    signal.throwIfAborted();
    if (child.signalCode !== "SIGKILL") throw new Error("the guard's process ended before it was killed");
    return printed.trim();
  } finally {
    kill();
    signal.removeEventListener("abort", kill);
  }
}
