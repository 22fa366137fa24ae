// Writes what is generated from code: the page of error codes and the published JSON Schemas. Run after `npm run build`.
import { writeFileSync } from "node:fs";
import { auditEventSchema } from "../dist/audit/index.js";
import { ERROR_CODES } from "../dist/index.js";
import { policySchema } from "../dist/policy/index.js";

const ADVICE = {
  stop: "stop: the same call will fail again",
  change: "another request may pass",
  wait: "wait: a person or a limit must act first",
  retry: "a fault of the moment",
};

const rows = Object.entries(ERROR_CODES)
  .map(
    ([code, { meaning, advice, status }]) =>
      `| \`${code}\` | ${status} | ${ADVICE[advice]} | ${meaning.replaceAll("|", "\\|")} |`,
  )
  .join("\n");

writeFileSync(
  new URL("../docs/error-codes.md", import.meta.url),
  `# Error codes

Generated from \`src/errors/codes.ts\` by \`npm run docs\`. Codes are stable: they are added, never renamed or reused.

Every refusal is a \`GuardError\` with a \`code\`, a \`message\` for the operator and \`toModelText()\` for the model;
\`findGuardError(error)\` digs it out of what a client library wrapped around it. Network faults of the service are not
refusals: they stay the \`TypeError: fetch failed\` that every fetch throws. The status is the one in \`toProblem()\`; a
synthetic response under \`onDeny: "respond"\` is always 403, so that clients do not retry it by themselves.

| code | status | what next | meaning |
|---|---|---|---|
${rows}
`,
);

writeFileSync(new URL("../policy.schema.json", import.meta.url), `${JSON.stringify(policySchema, null, 2)}\n`);
writeFileSync(new URL("../audit-event.schema.json", import.meta.url), `${JSON.stringify(auditEventSchema, null, 2)}\n`);
