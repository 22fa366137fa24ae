/** Keccak-256 as Ethereum uses it (before FIPS 202 changed the padding), of a short text. Slow, and called for candidates only. */
export function keccak256(message: Uint8Array): Uint8Array {
  const rate = 136;
  const padded = new Uint8Array(Math.ceil((message.length + 1) / rate) * rate);
  padded.set(message);
  padded[message.length] = 1;
  padded[padded.length - 1] = (padded[padded.length - 1] as number) | 0x80;
  const state = new BigUint64Array(25);
  for (let at = 0; at < padded.length; at += rate) {
    const block = new BigUint64Array(padded.buffer.slice(at, at + rate));
    block.forEach((word, i) => {
      state[i] = (state[i] as bigint) ^ word;
    });
    permute(state);
  }
  return new Uint8Array(state.buffer.slice(0, 32));
}

const MASK = (1n << 64n) - 1n;
const rotate = (word: bigint, by: number): bigint =>
  by === 0 ? word : ((word << BigInt(by)) | (word >> BigInt(64 - by))) & MASK;
const lane = (x: number, y: number): number => (x % 5) + 5 * (y % 5);

/** Keccak-f[1600]. */
function permute(state: BigUint64Array): void {
  const at = (x: number, y: number): bigint => state[lane(x, y)] as bigint;
  let feedback = 1;
  for (let round = 0; round < 24; round++) {
    const column = [0, 1, 2, 3, 4].map((x) => at(x, 0) ^ at(x, 1) ^ at(x, 2) ^ at(x, 3) ^ at(x, 4));
    for (let x = 0; x < 5; x++) {
      const change = (column[(x + 4) % 5] as bigint) ^ rotate(column[(x + 1) % 5] as bigint, 1);
      for (let y = 0; y < 5; y++) state[lane(x, y)] = at(x, y) ^ change;
    }
    let [x, y] = [1, 0];
    let current = at(x, y);
    for (let t = 0; t < 24; t++) {
      [x, y] = [y, (2 * x + 3 * y) % 5];
      const next = at(x, y);
      state[lane(x, y)] = rotate(current, (((t + 1) * (t + 2)) / 2) % 64);
      current = next;
    }
    for (let row = 0; row < 5; row++) {
      const copy = [0, 1, 2, 3, 4].map((i) => at(i, row));
      for (let i = 0; i < 5; i++)
        state[lane(i, row)] =
          (copy[i] as bigint) ^ (~(copy[(i + 1) % 5] as bigint) & MASK & (copy[(i + 2) % 5] as bigint));
    }
    for (let j = 0; j < 7; j++) {
      feedback = ((feedback << 1) ^ ((feedback >> 7) * 0x71)) % 256;
      if ((feedback & 2) !== 0) state[0] = (state[0] as bigint) ^ (1n << ((1n << BigInt(j)) - 1n));
    }
  }
}
