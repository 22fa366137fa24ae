import { rmSync } from "node:fs";
import { dirname } from "node:path";
import { Attacker } from "./attacker.js";
import { closedTwins, type Opened, testSigner } from "./support.js";

/** A record that was published as it was written, in front of somebody who can write to its files. */
export interface Target extends Opened {
  /** Heads that were published elsewhere. */
  readonly anchors: string;
  readonly session: Opened["session"];
}

/** {@link closedTwins}, published. */
export async function target(): Promise<Target> {
  const notes: string[] = [];
  const sink = { name: "elsewhere", publish: (note: string) => Promise.resolve(void notes.push(note)) };
  const opened = await closedTwins({ anchors: [sink] });
  return { ...opened, anchors: notes.join("\n") };
}

type Attack = (log: Attacker, target: Target) => void;

const swapDecision = (log: Attacker): void =>
  log.edit(6, (line) => line.replace('"effect":"deny"', '"effect":"allow"'));

/** The ledger, as it was before it heard of the end of s1. */
function forgetEnd({ ledger }: Target): void {
  const attacker = new Attacker(ledger);
  attacker.lines.splice(attacker.lines.findIndex((line) => line.includes('"session.closed"')));
  attacker.save();
}

/** The ledger says of s1 what its log says now; with the key, it can be signed again. */
function agree({ ledger, signer }: Target, log: Attacker): void {
  const attacker = new Attacker(ledger);
  const { note } = JSON.parse(log.lines.at(-1) ?? "{}") as { note: string };
  const [, size, root] = note.split("\n");
  const isEnd = (line: string): boolean => line.includes('"session.closed"') && line.includes('"session_id":"s1"');
  attacker.edit(attacker.lines.findIndex(isEnd), (line) =>
    JSON.stringify({ ...JSON.parse(line), size: Number(size), root }),
  );
  attacker.recompute(signer);
  attacker.save();
}

/** What can be done to a log by somebody with write access: the rows of the attack matrix. */
export const ATTACKS: Readonly<Record<string, Attack>> = {
  nothing: () => {},
  "edit a line": swapDecision,
  "delete a line": (log) => void log.lines.splice(3, 1),
  "swap two lines": (log) => void log.lines.splice(3, 2, log.lines[4] ?? "", log.lines[3] ?? ""),
  "duplicate a line": (log) => void log.lines.splice(4, 0, log.lines[3] ?? ""),
  "reformat all lines": (log) => {
    log.lines = log.lines.map((line) => JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(line)).sort())));
  },
  "edit, and recompute the chain": (log) => {
    swapDecision(log);
    log.recompute();
  },
  "delete, and recompute the chain": (log) => {
    log.lines.splice(6, 1);
    log.recompute();
  },
  "insert, and recompute the chain": (log) => {
    log.lines.splice(3, 0, log.lines[4] ?? "");
    log.recompute();
  },
  "cut the tail after a checkpoint": (log, victim) => {
    log.lines.splice(8);
    forgetEnd(victim);
  },
  "cut the tail between checkpoints": (log, victim) => {
    log.lines.splice(6);
    forgetEnd(victim);
  },
  "cut the tail that the ledger knows of": (log) => void log.lines.splice(8),
  "cut the tail, and append 35 plausible lines": (log, victim) => {
    log.lines.splice(8);
    for (let count = 0; count < 35; count++) log.lines.push(log.lines[3] ?? "");
    log.recompute();
    forgetEnd(victim);
  },
  "strip all checkpoints, and recompute the chain": (log, victim) => {
    log.lines = log.lines.filter((line) => !line.includes('"log.checkpoint"'));
    log.recompute();
    forgetEnd(victim);
  },
  "rewrite all with another key": (log, victim) => {
    swapDecision(log);
    log.recompute(testSigner("other"));
    forgetEnd(victim);
  },
  "splice another session in": (log) => {
    log.lines = new Attacker(log.path.replace("/s1/", "/s2/")).lines;
  },
  "claim more lines than there are": (log) => log.edit(1, (line) => line.replace("s1\\n1\\n", "s1\\n40\\n")),
  "delete the session": (log) => {
    log.save = () => {};
    rmSync(dirname(log.path), { recursive: true });
  },
  "rewrite all with the stolen key": (log, victim) => {
    swapDecision(log);
    log.recompute(victim.signer);
    agree(victim, log);
  },
};
