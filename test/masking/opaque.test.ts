import { describe, expect, it } from "vitest";
import { createMasker } from "../../src/masking/index.js";

const SECRET = "s3cr3t-token-value";
const masker = createMasker();

/** Everything a pass gives for these chunks. */
function through(chunks: readonly Uint8Array[]): Buffer {
  const pass = masker.openOpaque([SECRET]);
  if (pass === null) throw new Error("there is a secret to look for");
  return Buffer.concat([...chunks.map((chunk) => Buffer.from(pass.push(chunk))), pass.flush()]);
}

describe("a body of a type that cannot be masked", () => {
  it("is passed on byte for byte, whatever the detectors would make of it", () => {
    const bytes = Uint8Array.from({ length: 1024 }, (_, index) => index & 255);
    const card = Buffer.from("\0 4111 1111 1111 1111 grace@example.com");
    expect(through([bytes, card])).toEqual(Buffer.concat([bytes, card]));
  });

  it("loses a live credential wherever the chunks are cut", () => {
    const whole = Buffer.from(`\0\xff${SECRET}\0`, "latin1");
    for (let at = 0; at <= whole.length; at++) {
      expect(through([whole.subarray(0, at), whole.subarray(at)]).toString("latin1")).toBe(
        "\0\xff[REDACTED:CREDENTIAL]\0",
      );
    }
  });

  it("needs no pass at all where there is no secret to look for", () => {
    expect(masker.openOpaque([])).toBeNull();
    expect(masker.openOpaque(["tiny"])).toBeNull();
  });
});
