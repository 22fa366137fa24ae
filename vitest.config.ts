import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Files run in child processes: they change the working directory and spawn children of their own.
    pool: "forks",
  },
});
