import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import type { AuditSigner } from "../../src/audit/index.js";
import { signNote } from "../../src/audit/note.js";
import { MerkleTree } from "../../src/audit/tree.js";
import { checkpointLine, readHead } from "../../src/audit/writer/line.js";

/** What somebody with write access to the files, and full knowledge of the format, can do to a log. */
export class Attacker {
  readonly path: string;
  lines: string[];

  constructor(path: string) {
    this.path = path;
    this.lines = readFileSync(path, "utf8").split("\n").slice(0, -1);
  }

  save(): void {
    writeFileSync(this.path, this.lines.map((line) => `${line}\n`).join(""));
  }

  /** Changes one line as a text editor would. */
  edit(index: number, change: (line: string) => string): void {
    this.lines[index] = change(this.lines[index] ?? "");
  }

  /** Makes numbers, chain, and, with a key, checkpoints fit what the lines say now. */
  recompute(signer?: AuditSigner): void {
    const tree = new MerkleTree();
    let prev = "0".repeat(64);
    this.lines = this.lines.map((line, seq) => {
      const parsed = JSON.parse(line) as Record<string, unknown>;
      let written = JSON.stringify({ ...parsed, seq, prev });
      if (parsed["type"] === "log.checkpoint" && signer !== undefined)
        written = this.#checkpoint(line, seq, prev, tree, signer);
      prev = createHash("sha256").update(written).digest("hex");
      tree.append(createHash("sha256").update("\0").update(written).digest("binary"));
      return written;
    });
  }

  #checkpoint(line: string, seq: number, prev: string, tree: MerkleTree, signer: AuditSigner): string {
    const head = readHead(line);
    const identity = line.slice(line.indexOf('"prev":"') + '"prev":"'.length + 65, line.indexOf(',"note":'));
    const origin = String(head?.log);
    return checkpointLine({
      seq,
      epochMs: Date.parse(String(head?.time)),
      time: String(head?.time),
      monoUs: Number(head?.monoUs),
      boot: String(head?.boot),
      origin,
      prev,
      identity,
      note: signNote({ origin, size: seq, root: tree.root() }, signer),
      root: tree.root(),
    });
  }
}
