import { createHash, randomBytes } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createIdSource } from "../../src/audit/ids.js";
import {
  formatVerifierKey,
  isSignedBy,
  noteSignatures,
  noteText,
  parseVerifierKey,
  signNote,
  type VerifierKey,
} from "../../src/audit/note.js";
import { MerkleTree } from "../../src/audit/tree.js";
import { testSigner } from "./support.js";

const sha256 = (...parts: (string | Uint8Array)[]): Buffer => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** Whether `note` says `text` over exactly one signature, and whether that is the key's. */
function checkNote(note: string, text: string, key: VerifierKey): "good" | "bad" | "other_key" {
  const [signature, ...more] = noteSignatures(note, text) ?? [];
  if (signature === undefined || more.length > 0) return "bad";
  if (signature.name !== key.name || signature.id !== key.id) return "other_key";
  return isSignedBy(signature, text, key) ? "good" : "bad";
}

/** The definition of RFC 6962 section 2.1, word for word. */
function treeHash(leaves: readonly Buffer[]): Buffer {
  if (leaves.length === 0) return sha256("");
  if (leaves.length === 1) return sha256("\0", leaves[0] ?? "");
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256("\x01", treeHash(leaves.slice(0, k)), treeHash(leaves.slice(k)));
}

test("the tree is the one of the Certificate Transparency test vectors", () => {
  const leaves = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
  const tree = new MerkleTree();
  const roots = [tree.root().toString("hex")];
  for (const leaf of leaves) {
    tree.append(sha256("\0", Buffer.from(leaf, "hex")).toString("latin1"));
    roots.push(tree.root().toString("hex"));
  }
  expect(roots[0]).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  expect(roots[1]).toBe("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
  expect(roots[8]).toBe("5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328");
});

test("the tree's root is that of the definition, at every size", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 4 }), { maxLength: 70 }), (contents) => {
      const leaves = contents.map((content) => Buffer.from(content));
      const tree = new MerkleTree();
      for (const leaf of leaves) tree.append(sha256("\0", leaf).toString("latin1"));
      expect(tree.root().equals(treeHash(leaves))).toBe(true);
      expect(tree.size).toBe(leaves.length);
    }),
  );
});

test("the note of the C2SP specification is good, and one changed letter is not", () => {
  const key = parseVerifierKey("example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k");
  const text = "This is an example message.\n";
  const signature = "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=";
  const note = `${text}\n\u2014 example.com/foo ${signature}\n`;
  expect(key).toBeDefined();
  if (key === undefined) return;
  expect(checkNote(note, text, key)).toBe("good");
  const changed = text.replace("an", "no");
  expect(checkNote(note.replace("an", "no"), changed, key)).toBe("bad");
});

test("a note is read in one form only", () => {
  const signer = testSigner();
  const key = parseVerifierKey(signer.verifierKey);
  const head = { origin: "sallyport/x", size: 3, root: sha256("x") };
  const text = noteText(head);
  const note = signNote(head, signer);
  if (key === undefined) throw new Error("the key does not parse");
  expect(checkNote(note, text, key)).toBe("good");
  const signatureLine = note.slice(text.length + 1);
  for (const other of [
    note.slice(0, -1),
    `${note}\n`,
    note + signatureLine,
    note.replace("=\n", "\n"),
    note.replace(/=\n$/, "==\n"),
    note.replace("\u2014 ", "-- "),
    note.replace("\n\n", "\n\n\n"),
    note.replace("\u2014 test ", "\u2014 test  "),
  ]) {
    expect(other).not.toBe(note);
    expect(checkNote(other, text, key)).toBe("bad");
  }
  expect(checkNote(note.replace("\u2014 test ", "\u2014 else "), text, key)).toBe("other_key");
  expect(checkNote(signNote(head, testSigner()), text, key)).toBe("other_key");
});

test("a verifier key whose id does not fit its bytes is no key", () => {
  const signer = testSigner();
  expect(parseVerifierKey(signer.verifierKey)).toMatchObject({ name: "test" });
  expect(parseVerifierKey(`${signer.verifierKey}\n`)).toMatchObject({ name: "test" });
  const [name, id, bytes] = formatVerifierKey(signer).split("+");
  expect(parseVerifierKey(`${name}+00000000+${bytes}`)).toBeUndefined();
  expect(parseVerifierKey(`other+${id}+${bytes}`)).toBeUndefined();
});

test("identifiers are version 7 UUIDs with the time in front", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 2560, maxLength: 2560 }),
      fc.integer({ min: 0, max: 2 ** 48 - 1 }),
      (random, now) => {
        const ids = createIdSource(() => random);
        const id = ids.next(now);
        expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(now);
      },
    ),
  );
  const ids = createIdSource(randomBytes);
  expect(new Set(Array.from({ length: 1000 }, () => ids.next(1))).size).toBe(1000);
});
