import { expect, test } from "vitest";
import { endInTurn } from "../src/end-in-turn.js";

test("each part is ended after the one before, also where that one could not end, and the first failure is told", async () => {
  const ended: string[] = [];
  const ending = (name: string, error?: unknown) => async (): Promise<void> => {
    await Promise.resolve();
    ended.push(name);
    if (error !== undefined) throw error;
  };
  const first = new Error("the first");
  const parts = [ending("a"), ending("b", first), ending("c", new Error("the second")), ending("d")];
  await expect(endInTurn(parts)).rejects.toBe(first);
  expect(ended).toEqual(["a", "b", "c", "d"]);
  await endInTurn([ending("e")]);
  expect(ended).toHaveLength(5);
});
