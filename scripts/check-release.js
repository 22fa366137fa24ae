// What must be true before the package is published: the changelog has the version, and npm can link to the source.
import { readFileSync } from "node:fs";

const read = (name) => readFileSync(new URL(`../${name}`, import.meta.url), "utf8");
const { version, repository } = JSON.parse(read("package.json"));
const problems = [];
if (!read("CHANGELOG.md").includes(`\n## [${version}]`)) problems.push(`CHANGELOG.md has no section for ${version}.`);
// The links of the README are relative: npm resolves them by the repository.
if (repository?.url === undefined)
  problems.push("package.json has no repository.url, so no link of the README works on npm.");
for (const problem of problems) console.error(problem);
process.exitCode = problems.length > 0 ? 1 : 0;
