// Bundles a small application with the built package and runs it where nothing is installed. The policy needs each of the
// libraries that are loaded late: a wildcard, an OpenAPI description, GraphQL, and YAML.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));
const app = `
import { createServer } from "node:http";
import { createGuard, findGuardError } from "sallyport";
import { verifyAudit } from "sallyport/audit";

const server = createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify({ path: request.url, email: "grace@example.com" }));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const origin = "http://127.0.0.1:" + server.address().port;
const { writeFileSync } = await import("node:fs");
writeFileSync("policy.yaml", [
  "version: 1",
  "services:",
  "  crm: { origins: ['" + origin + "'], addresses: ['127.0.0.0/8'], openapi: crm.yaml }",
  "  wild: { origins: ['https://*.example.com'] }",
  "  graph: { origins: ['https://graph.internal.example'], protocol: graphql }",
  "rules:",
  "  - { id: read, effect: allow, service: crm, operations: [getAccount] }",
  "  - { id: wild, effect: allow, service: wild, methods: [GET], path: / }",
  "  - { id: graph, effect: allow, service: graph, graphql: { fields: [user] } }",
].join("\\n"));
writeFileSync("crm.yaml", [
  "openapi: 3.1.0",
  "info: { title: CRM, version: '1' }",
  "paths:",
  "  /accounts/{id}:",
  "    get:",
  "      operationId: getAccount",
  "      parameters: [{ name: id, in: path, required: true, schema: { type: integer } }]",
  "      responses: { '200': { description: OK } }",
].join("\\n"));
const guard = await createGuard({ policy: "policy.yaml" });
const session = await guard.openSession({ principal: { id: "ada", type: "human" }, agent: { id: "bot" }, purpose: "bundle" });
console.log(await (await session.fetch(origin + "/accounts/7")).text());
console.log(findGuardError(await session.fetch(origin + "/accounts/seven").catch((error) => error)).code);
await guard.close();
console.log((await verifyAudit("audit")).verdict);
server.close();
`;
const EXPECTED = ['{"path":"/accounts/7","email":"[REDACTED:EMAIL]"}', "SCHEMA_REFUSED", "COMPLETE"];

const directory = mkdtempSync(join(tmpdir(), "sallyport-bundle-"));
try {
  const outfile = join(directory, "app.mjs");
  await build({
    stdin: { contents: app, resolveDir: root, loader: "js" },
    outfile,
    bundle: true,
    minify: true,
    platform: "node",
    format: "esm",
    target: "node20",
    // CommonJS libraries in an ES module ask for built-in modules with `require`: the usual banner gives them one.
    banner: { js: 'import { createRequire as own } from "node:module"; const require = own(import.meta.url);' },
    logLevel: "error",
  });
  writeFileSync(join(directory, "package.json"), '{ "type": "module" }');
  const { stdout, stderr, status } = spawnSync(process.execPath, [outfile], { cwd: directory, encoding: "utf8" });
  const printed = stdout.trim().split("\n");
  const isRight = status === 0 && JSON.stringify(printed) === JSON.stringify(EXPECTED);
  console.log(
    `bundled with esbuild: ${isRight ? "runs" : "does not run"} (${readdirSync(directory).length} files beside it)`,
  );
  if (!isRight) {
    console.error(`${stdout}${stderr}`);
    process.exitCode = 1;
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
