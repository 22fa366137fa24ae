import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { findGuardError } from "../../src/index.js";
import { loopbackPolicy, temporaryDirectory, testGuard } from "../support/guards.js";

const ORIGIN = "http://127.0.0.1:18080";
const document = (id: string, path: string): string =>
  JSON.stringify({
    ...loopbackPolicy(ORIGIN, [{ id: "deny", effect: "deny", service: "api", methods: ["*"], path }]),
    id,
  });

it("a policy file that is watched comes into force when it changes, and a broken one does not", async () => {
  const directory = temporaryDirectory();
  const file = join(directory, "policy.json");
  writeFileSync(file, document("first", "/first"));
  const { guard, session, log } = await testGuard({ policy: { file, watch: true } });
  const codeOf = async (path: string): Promise<string | undefined> =>
    findGuardError(await session.fetch(ORIGIN + path).catch((error: unknown) => error))?.code;
  expect(await codeOf("/first")).toBe("RULE_DENY");

  // As editors do: a new file, renamed into place.
  writeFileSync(join(directory, "policy.json~"), document("second", "/second"));
  renameSync(join(directory, "policy.json~"), file);
  await expect.poll(() => codeOf("/second"), { timeout: 10_000 }).toBe("RULE_DENY");
  expect(await codeOf("/first")).toBe("NO_RULE");

  writeFileSync(file, '{ "version": 1, "rules": [');
  await expect.poll(() => log.lines.some((line) => line.includes("does not load")), { timeout: 10_000 }).toBe(true);
  expect(await codeOf("/second")).toBe("RULE_DENY");

  writeFileSync(file, document("third", "/third"));
  await expect.poll(() => codeOf("/third"), { timeout: 10_000 }).toBe("RULE_DENY");

  await guard.setPolicy(JSON.parse(document("fourth", "/fourth")));
  expect(await codeOf("/fourth")).toBe("RULE_DENY");
});

it("the descriptions that a watched policy names are watched with it, also one that comes later", async () => {
  const directory = temporaryDirectory();
  for (const name of ["apis", "others"]) mkdirSync(join(directory, name));
  const file = join(directory, "policy.json");
  const describe = (path: string, ...segments: string[]): void =>
    writeFileSync(
      join(directory, ...segments),
      JSON.stringify({ openapi: "3.1.0", paths: { [path]: { get: { operationId: "closed" } } } }),
    );
  const policy = (openapi: string): string => {
    const rule = { id: "deny", effect: "deny", service: "api", operations: ["closed"] } as const;
    return JSON.stringify(loopbackPolicy(ORIGIN, [rule], { openapi } as object));
  };
  describe("/first", "apis", "api.json");
  writeFileSync(file, policy("./apis/api.json"));
  const { session, log } = await testGuard({ policy: { file, watch: true } });
  const codeOf = async (path: string): Promise<string | undefined> =>
    findGuardError(await session.fetch(ORIGIN + path).catch((error: unknown) => error))?.code;
  expect(await codeOf("/first")).toBe("RULE_DENY");
  describe("/second", "apis", "api.json");
  await expect.poll(() => codeOf("/second"), { timeout: 10_000 }).toBe("RULE_DENY");

  // Named before it is there: nothing loads until it is.
  writeFileSync(file, policy("./others/api.json"));
  await expect.poll(() => log.lines.some((line) => line.includes("does not load")), { timeout: 10_000 }).toBe(true);
  describe("/third", "others", "api.json");
  await expect.poll(() => codeOf("/third"), { timeout: 10_000 }).toBe("RULE_DENY");
});

it("what is watched is a file, and nothing else is said about it", async () => {
  for (const policy of [
    { watch: true },
    { file: 1, watch: true },
    { file: "x", watch: false },
    { file: "x", watch: true, every: 1 },
  ])
    await expect(testGuard({ policy: policy as never })).rejects.toMatchObject({ code: "OPTIONS_INVALID" });
});
