import type { Clock } from "../../clock.js";
import type { BodySource } from "../../transport/index.js";

/** A service may say how long its answer will be, and think about it. */
const PATIENCE_MS = 1_000;

/**
 * The whole body; where it takes too long, or the network breaks it off, what has arrived of it and then the rest, or the
 * fault, for whoever reads it.
 */
export async function readAhead(flow: BodySource, clock: Clock): Promise<Uint8Array | BodySource> {
  const chunks: Uint8Array[] = [];
  let endPatience = (): void => {};
  const late = new Promise<"late">((resolve) => {
    endPatience = clock.schedule(PATIENCE_MS, () => resolve("late"));
  });
  try {
    for (;;) {
      const reading = flow.read();
      const chunk = await Promise.race([reading, late]);
      if (chunk === "late") return continued(chunks, reading, flow);
      if (chunk === null) return chunks.length === 1 && chunks[0] !== undefined ? chunks[0] : Buffer.concat(chunks);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof TypeError) return continued(chunks, null, flow);
    throw error;
  } finally {
    endPatience();
  }
}

/** What was read of a flow, a read that is under way, and what follows. */
function continued(chunks: Uint8Array[], underWay: Promise<Uint8Array | null> | null, flow: BodySource): BodySource {
  let next = underWay;
  next?.catch(() => undefined); // nobody may ever read on
  return {
    read: async () => {
      const chunk = chunks.shift();
      if (chunk !== undefined) return chunk;
      const reading = next ?? flow.read();
      next = null;
      return await reading;
    },
    onBroken(listener) {
      const tell = (error: unknown): void => {
        // Who reads at once gets what had arrived before the fault.
        if (chunks.length > 0) setImmediate(listener, error);
        else listener(error);
      };
      next?.catch(tell); // a read that is under way is nobody's yet
      flow.onBroken?.(tell);
    },
    cancel: (reason) => flow.cancel(reason),
  };
}
