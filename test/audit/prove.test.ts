import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { checkConsistencyProof, checkEventProof, proveConsistency, proveEvent } from "../../src/audit/index.js";
import {
  consistencyProof,
  inclusionProof,
  isConsistent,
  isIncluded,
  leafHash,
  rootOf,
} from "../../src/audit/verify/proofs.js";
import { intent, openedLog, testSigner } from "./support.js";

const leavesOf = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => leafHash(Buffer.from(`line ${index}`)));

describe("22: inclusion", () => {
  test("every leaf of every small tree, and the edges of large ones, verify", () => {
    for (let size = 1; size <= 40; size++) {
      const leaves = leavesOf(size);
      for (let index = 0; index < size; index++) {
        const proof = inclusionProof(leaves, index);
        expect(isIncluded(leaves[index] ?? "", index, size, proof, rootOf(leaves))).toBe(true);
      }
    }
    for (const size of [255, 256, 257, 1023, 1024, 1025]) {
      const leaves = leavesOf(size);
      for (const index of [0, 1, 127, 128, size - 2, size - 1]) {
        const proof = inclusionProof(leaves, index);
        expect(isIncluded(leaves[index] ?? "", index, size, proof, rootOf(leaves))).toBe(true);
      }
    }
  });

  test("a wrong index, size, leaf or root, and a short, long or swapped path, do not", () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 60 }), fc.nat(), (size, choice) => {
        const leaves = leavesOf(size);
        const index = choice % size;
        const leaf = leaves[index] ?? "";
        const root = rootOf(leaves);
        const proof = inclusionProof(leaves, index);
        const other = leafHash(Buffer.from("other"));
        expect(isIncluded(leaf, (index + 1) % size, size, proof, root)).toBe(false);
        expect(isIncluded(other, index, size, proof, root)).toBe(false);
        expect(isIncluded(leaf, index, size, proof, other)).toBe(false);
        expect(isIncluded(leaf, index, size, proof.slice(1), root)).toBe(false);
        expect(isIncluded(leaf, index, size, [...proof, other], root)).toBe(false);
        if (proof.length > 1) expect(isIncluded(leaf, index, size, [...proof].reverse(), root)).toBe(false);
        for (const wrong of [-1, 0.5, Number.NaN, size]) expect(isIncluded(leaf, wrong, size, proof, root)).toBe(false);
      }),
    );
  });
});

test("consistency between any two heads verifies, and between any others does not", () => {
  for (let to = 1; to <= 24; to++) {
    const leaves = leavesOf(to);
    const root = rootOf(leaves);
    for (let from = 1; from <= to; from++) {
      const proof = consistencyProof(leaves, from);
      const before = rootOf(leaves, 0, from);
      expect(isConsistent(from, to, proof, before, root)).toBe(true);
      const other = leafHash(Buffer.from("other"));
      expect(isConsistent(from, to, proof, other, root)).toBe(false);
      expect(isConsistent(from, to, proof, before, other)).toBe(false);
      expect(isConsistent(from, to, [...proof, other], before, root)).toBe(false);
      if (proof.length > 0) expect(isConsistent(from, to, proof.slice(1), before, root)).toBe(false);
      if (from > 1) expect(isConsistent(from - 1, to, proof, before, root)).toBe(false);
    }
  }
});

describe("22: a proof for a stranger", () => {
  test("contains one line, verifies with the key alone, and in no other way", async () => {
    const { log, session, directory, signer, segment } = await openedLog();
    for (let count = 0; count < 70; count++) session.append(intent(`r${count}`));
    await log.close();
    const lines = readFileSync(segment, "utf8").trimEnd().split("\n");
    for (const seq of [0, 1, 31, 32, 33, 63, 64, 65, lines.length - 2]) {
      const proof = await proveEvent(directory, "s1", seq);
      expect(proof.line).toBe(lines[seq]);
      expect(proof.proof.startsWith(`c2sp.org/tlog-proof@v1\nindex ${seq}\n`)).toBe(true);
      expect(checkEventProof(proof, signer.verifierKey)).toBe(true);
      expect(checkEventProof(proof, testSigner().verifierKey)).toBe(false);
      expect(checkEventProof({ ...proof, line: `${proof.line} ` }, signer.verifierKey)).toBe(false);
      const shifted = proof.proof.replace(`index ${seq}`, `index ${seq + 1}`);
      expect(checkEventProof({ ...proof, proof: shifted }, signer.verifierKey)).toBe(false);
      expect(checkEventProof({ ...proof, proof: proof.proof.slice(0, -10) }, signer.verifierKey)).toBe(false);
    }
    await expect(proveEvent(directory, "s1", lines.length - 1)).rejects.toThrow(/not signed yet/);
    await expect(proveEvent(directory, "nobody", 0)).rejects.toThrow(RangeError);
    await expect(proveEvent(directory, "../x", 0)).rejects.toThrow(RangeError);
    const first = createHash("sha256")
      .update("\0")
      .update(lines[0] ?? "")
      .digest("base64");
    expect((await proveEvent(directory, `sallyport/${log.writer}/s1`, 0)).proof).toContain("index 0\n");
    expect(first).toHaveLength(44);
  });

  test("two heads of one log are shown to be one story", async () => {
    const { log, session, directory, signer } = await openedLog();
    for (let count = 0; count < 70; count++) session.append(intent(`r${count}`));
    await log.close();
    const proof = await proveConsistency(directory, "s1", 1);
    expect(checkConsistencyProof(proof, signer.verifierKey)).toBe(true);
    expect(checkConsistencyProof({ ...proof, from: proof.to, to: proof.from }, signer.verifierKey)).toBe(false);
    expect(checkConsistencyProof({ ...proof, hashes: proof.hashes.slice(1) }, signer.verifierKey)).toBe(false);
    expect(checkConsistencyProof(proof, testSigner().verifierKey)).toBe(false);
    expect(checkConsistencyProof({ ...proof, from: "rubbish" }, signer.verifierKey)).toBe(false);
    await expect(proveConsistency(directory, "s1", 5)).rejects.toThrow(/were not signed/);
  });
});
