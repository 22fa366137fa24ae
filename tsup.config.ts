import { defineConfig } from "tsup";
import { policyValidatorPlugin } from "./scripts/policy-validator.js";

export const entryPoints = {
  index: "src/index.ts",
  "policy/index": "src/policy/index.ts",
  "identity/index": "src/identity/index.ts",
  "broker/index": "src/broker/index.ts",
  "approval/index": "src/approval/index.ts",
  "masking/index": "src/masking/index.ts",
  "audit/index": "src/audit/index.ts",
  "store/index": "src/store/index.ts",
  "slack/index": "src/slack/index.ts",
  "testing/index": "src/testing/index.ts",
  "lockdown/index": "src/lockdown/index.ts",
  "cli/main": "src/cli/main.ts",
};

export default defineConfig({
  entry: entryPoints,
  format: "esm",
  target: "node20.19",
  platform: "node",
  splitting: true,
  // Maps would be more than half of the package, and of little use without the source, which is not shipped.
  sourcemap: false,
  // Bundlers for other platforms know a built-in module by its prefix.
  removeNodeProtocol: false,
  esbuildPlugins: [policyValidatorPlugin],
  silent: true,
  clean: true,
  // Declarations come from the compiler itself (tsconfig.build.json): tsup's own generator needs TypeScript's older API.
  dts: false,
});
