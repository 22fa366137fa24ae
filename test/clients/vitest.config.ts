import { defineConfig } from "vitest/config";

/** Run from the repository's root: `npm run test:clients`. */
export default defineConfig({
  test: { root: import.meta.dirname, include: ["*.test.ts"], testTimeout: 30_000, pool: "forks" },
});
