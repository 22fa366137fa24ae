import { describe, expect, it } from "vitest";
import { collectStream } from "../../../src/request/body/collect.js";

function streamOf(chunks: readonly unknown[]): { stream: ReadableStream<Uint8Array>; state: { cancelled: boolean } } {
  const state = { cancelled: false };
  let next = 0;
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      if (next === chunks.length) controller.close();
      else controller.enqueue(chunks[next++] as Uint8Array);
    },
    cancel() {
      state.cancelled = true;
    },
  });
  return { stream, state };
}

describe("a stream that is read whole", () => {
  it("gives its bytes in order", async () => {
    const { stream } = streamOf([Uint8Array.of(1, 2), Uint8Array.of(), Uint8Array.of(3)]);
    expect(await collectStream(stream, 10)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("may be as long as the limit, and gives null and is cancelled one byte beyond it", async () => {
    expect(await collectStream(streamOf([new Uint8Array(10)]).stream, 10)).toHaveLength(10);
    const { stream, state } = streamOf([new Uint8Array(10), Uint8Array.of(1), Uint8Array.of(2)]);
    expect(await collectStream(stream, 10)).toBeNull();
    expect(state.cancelled).toBe(true);
  });

  it("is copied chunk by chunk, since the producer may use its buffer again", async () => {
    const buffer = Uint8Array.of(1);
    let round = 0;
    const stream = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          if (round === 3) return controller.close();
          buffer[0] = ++round;
          controller.enqueue(buffer);
        },
      },
      { highWaterMark: 0 },
    );
    expect(await collectStream(stream, 10)).toEqual(Uint8Array.of(1, 2, 3));
  });

  it("takes text for its UTF-8, as undici does", async () => {
    const { stream } = streamOf(["ü", Uint8Array.of(1)]);
    expect(await collectStream(stream, 10)).toEqual(Uint8Array.of(0xc3, 0xbc, 1));
  });

  it.each([5, null, new Uint16Array(2), new ArrayBuffer(2), { length: 1, 0: 65 }])(
    "refuses a chunk that is neither bytes nor text, and is cancelled: %s",
    async (chunk) => {
      const { stream, state } = streamOf([chunk, Uint8Array.of(1)]);
      await expect(collectStream(stream, 10)).rejects.toThrow(TypeError);
      expect(state.cancelled).toBe(true);
    },
  );

  it("fails as the stream fails", async () => {
    const stream = new ReadableStream<Uint8Array>({ pull: (controller) => controller.error(new Error("producer")) });
    await expect(collectStream(stream, 10)).rejects.toThrow("producer");
  });

  it("is given up, and cancelled, when the signal aborts in the middle of a chunk", async () => {
    const controller = new AbortController();
    let reason: unknown;
    const stream = new ReadableStream<Uint8Array>({
      pull: () => new Promise(() => {}),
      cancel: (why) => {
        reason = why;
      },
    });
    const collected = collectStream(stream, 10, controller.signal);
    controller.abort(new Error("session closed"));
    await expect(collected).rejects.toThrow("session closed");
    expect(reason).toBe(controller.signal.reason);
  });

  it("is not read at all when the signal has aborted before", async () => {
    const { stream, state } = streamOf([Uint8Array.of(1)]);
    await expect(collectStream(stream, 10, AbortSignal.abort(new Error("gone")))).rejects.toThrow("gone");
    expect(state.cancelled).toBe(true);
  });
});
