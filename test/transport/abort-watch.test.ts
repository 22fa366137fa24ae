import { getEventListeners } from "node:events";
import { expect, it } from "vitest";
import { unwatchAbort, watchAbort } from "../../src/transport/index.js";

it("an abort is told to all who watch, by one listener, and to none who has stopped watching because of it", () => {
  const control = new AbortController();
  const { signal } = control;
  const told: string[] = [];
  const last = { onAbort: () => void told.push("last") };
  const first = {
    onAbort: () => {
      told.push("first");
      unwatchAbort(signal, last);
      unwatchAbort(signal, first);
    },
  };
  watchAbort(signal, first);
  watchAbort(signal, { onAbort: () => void told.push("between") });
  watchAbort(signal, last);
  expect(getEventListeners(signal, "abort")).toHaveLength(1);
  control.abort();
  expect(told).toEqual(["first", "between"]);
});
