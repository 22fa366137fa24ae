// Writes what is generated from code: the page of error codes and the published JSON Schemas. Run after `npm run build`.
import { writeFileSync } from "node:fs";
import { auditEventSchema } from "../dist/audit/index.js";
import { ERROR_CODES } from "../dist/index.js";
import { policySchema } from "../dist/policy/index.js";

const ADVICE = {
  stop: "stop: the same call fails again",
  change: "change: another request may pass",
  wait: "wait: a person must decide, or a limit must free up",
  retry: "retry: the fault is temporary",
};

const cell = (text) => text.replaceAll("|", "\\|");

const rows = Object.entries(ERROR_CODES)
  .map(
    ([code, { meaning, remedy, advice, status, type }]) =>
      `| \`${code}\` | \`${type}\` | ${status} | ${ADVICE[advice]} | ${cell(meaning)} | ${cell(remedy)} |`,
  )
  .join("\n");

writeFileSync(
  new URL("../docs/error-codes.md", import.meta.url),
  `# Error codes

Generated from \`src/errors/codes.ts\` by \`npm run docs\`. Codes are stable: they are added, never renamed or reused.

Every refusal is a \`GuardError\` with a \`code\`, a \`message\` for the operator and \`toModelText()\` for the model.
\`findGuardError(error)\` finds it in the error of a client library that wrapped it; \`isDenied\`, \`isApprovalPending\` and the
other guards narrow it to its class. Network faults of a service are not refusals: they are the \`TypeError: fetch failed\`
that every fetch throws. The status is the one in \`toProblem()\`. A synthetic response under \`onDeny: "respond"\` always has
the status 403, so that clients do not retry it.

| code | class | status | the model is told to | what happened | what to do |
|---|---|---|---|---|---|
${rows}
`,
);

writeFileSync(new URL("../policy.schema.json", import.meta.url), `${JSON.stringify(policySchema, null, 2)}\n`);
writeFileSync(new URL("../audit-event.schema.json", import.meta.url), `${JSON.stringify(auditEventSchema, null, 2)}\n`);
