import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const source = (path: string): string => fileURLToPath(new URL(`./src/${path}`, import.meta.url));

export default defineConfig({
  // Examples import the package by its name; under test that is the source.
  resolve: {
    alias: [
      {
        find: /^fast-check$/,
        replacement: fileURLToPath(new URL("./test/support/seeded-fast-check.ts", import.meta.url)),
      },
      { find: /^sallyport$/, replacement: source("index.ts") },
      { find: /^sallyport\/([a-z]+)$/, replacement: `${source("")}$1/index.ts` },
    ],
  },
  test: {
    include: ["test/**/*.test.ts", "examples/**/*.test.ts"],
    // Real clients, with dependencies of their own: npm run test:clients.
    exclude: ["**/node_modules/**", "test/clients/**"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    // Files run in child processes: they change the working directory and spawn children of their own.
    pool: "forks",
    // One more than the default, which on two cores is one: much of a test's time is waiting for children and disks.
    maxWorkers: "100%",
  },
});
