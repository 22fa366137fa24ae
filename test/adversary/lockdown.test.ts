import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type BuiltLockdown, buildLockdown, GUARD, openTarget, startUpstream, world } from "../support/lockdown.js";
import { type Attack, CHILDREN, DESCRIPTORS, IMPORTS, MEMORY, SOCKETS, TAKING } from "./lockdown-attacks.js";
import { HONEST, REFUSED_EXPORTS } from "./lockdown-controls.js";

let built: BuiltLockdown;
beforeAll(async () => {
  built = await buildLockdown();
});
afterAll(() => built.remove());

const tried = (code: string): string =>
  `try { await (async () => { ${code} })(); } catch (error) { console.log(error.code, error.message); }`;

/** What was begun has a moment to get there. */
const LEAVE = "await new Promise((done) => setTimeout(done, 100)); process.exit();";

interface Outcome {
  readonly printed: string;
  /** How often the attacker got to the place it wanted to get to. */
  readonly reached: number;
}

/** Runs each attack in a process of its own, with a target of its own; a few at a time. */
async function runAll(
  attacks: readonly Attack[],
  env: Readonly<Record<string, string>>,
): Promise<Map<string, Outcome>> {
  const outcomes = new Map<string, Outcome>();
  const waiting = [...attacks];
  const work = async (): Promise<void> => {
    for (let attack = waiting.pop(); attack !== undefined; attack = waiting.pop()) {
      const target = await openTarget();
      const printed = await built.run(`${IMPORTS}\nconst PORT = ${target.port};\n${tried(attack.code)}\n${LEAVE}`, env);
      outcomes.set(attack.name, { printed, reached: target.reached });
      await target.close();
    }
  };
  await Promise.all([work(), work(), work(), work()]);
  return outcomes;
}

/** By us, or by the language, where what they want to change cannot be changed. */
const REFUSED = /LOCKDOWN_REFUSED|Cannot (?:redefine|define|assign)|is not extensible/;

const refusedNotGot = (outcome: Outcome | undefined): void => {
  expect(outcome?.printed).toMatch(REFUSED);
  expect(outcome?.printed).not.toContain("GOT");
  expect(outcome?.reached).toBe(0);
};

describe("the lockdown holds against", () => {
  let outcomes: Map<string, Outcome>;
  beforeAll(async () => {
    outcomes = await runAll([...SOCKETS, ...MEMORY], {
      SALLYPORT_LOCKDOWN_ALLOW: "db.internal:5432, 127.0.0.1:5432, udp:collector.internal:8125",
    });
  }, 120_000);

  it.each([...SOCKETS, ...MEMORY])("$name", ({ name }) => refusedNotGot(outcomes.get(name)));
});

describe("the lockdown, told to refuse processes and threads, refuses", () => {
  let outcomes: Map<string, Outcome>;
  beforeAll(async () => {
    outcomes = await runAll(CHILDREN, { SALLYPORT_LOCKDOWN_CHILDREN: "refuse" });
  }, 60_000);

  it.each(CHILDREN)("$name", ({ name }) => refusedNotGot(outcomes.get(name)));
});

// One connection of the guard is kept, and the attacker tries every number that a descriptor may have.
describe("with a descriptor of the guard, nobody gets anywhere by", () => {
  let outcomes: ReadonlyMap<string, { readonly printed: string; readonly received: readonly string[] }>;

  const probe = ({ name, code }: Attack): string => `
    console.log("--- " + ${JSON.stringify(name)});
    for (let file = 3; file < 48; file++) { ${tried(code)} }
    await new Promise((done) => setTimeout(done, 20));
    console.log((await session.fetch(API + "/after/" + encodeURIComponent(${JSON.stringify(name)}))).status);`;

  beforeAll(async () => {
    const api = await startUpstream();
    const target = await openTarget();
    const text = await built.run(
      `${IMPORTS}\n${world(target, api)}${GUARD}
      const bytes = Buffer.from("GET /stolen HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n");
      await session.fetch(API + "/first");
      ${[...DESCRIPTORS, ...TAKING].map(probe).join("\n")}
      await guard.close(); process.exit();`,
    );
    await target.close();
    await api.close();
    const printed = new Map(text.split("--- ").map((part) => [part.split("\n", 1)[0] ?? "", part]));
    let at = 0;
    outcomes = new Map(
      [...DESCRIPTORS, ...TAKING].map(({ name }) => {
        const from = at + 1;
        at = api.received.findIndex(({ url }) => url === `/after/${encodeURIComponent(name)}`);
        return [
          name,
          { printed: printed.get(name) ?? "", received: api.received.slice(from, at + 1).map(({ url }) => url) },
        ];
      }),
    );
  }, 60_000);

  it.each([...DESCRIPTORS, ...TAKING])("$name", ({ name }) => {
    const outcome = outcomes.get(name);
    expect(outcome?.printed).not.toContain("GOT");
    expect(outcome?.printed).toMatch(/^200$/m);
    expect(outcome?.received).toEqual([`/after/${encodeURIComponent(name)}`]);
  });
});

describe("under the lockdown, honest code", () => {
  it.each(HONEST)("goes on: $name", async ({ code, prints }) => {
    const target = await openTarget();
    const env = {
      SALLYPORT_LOCKDOWN_ALLOW: `localhost:*, 127.0.0.1:${target.port}, udp:localhost:*, unix:/tmp/sallyport-honest.sock`,
    };
    const printed = await built.run(`${IMPORTS}\nconst PORT = ${target.port};\n${tried(code)}\n${LEAVE}`, env);
    await target.close();
    expect(printed).toBe(prints);
  });

  it("uses what its parent handed on", async () => {
    const path = join(built.directory, "handed-on.txt");
    const file = openSync(path, "w");
    try {
      const printed = await built.run(`import fs from "node:fs"; fs.writeSync(3, "written");`, {}, [], [file]);
      expect(printed).toBe("");
    } finally {
      closeSync(file);
    }
    expect(readFileSync(path, "utf8")).toBe("written");
  });

  it("loads the add-ons that are listed, by whatever path", async () => {
    const directory = join(built.directory, "addons");
    mkdirSync(directory);
    writeFileSync(join(directory, "not-really.node"), "");
    const code = `
      import { createRequire } from "node:module";
      try { createRequire(import.meta.url)("./addons/../addons/not-really.node"); } catch (error) { console.log(error.code); }`;
    expect(await built.run(code, { SALLYPORT_LOCKDOWN_ADDONS: directory })).toContain("ERR_DLOPEN_FAILED");
    expect(await built.run(code, { SALLYPORT_LOCKDOWN_ADDONS: "*" })).toContain("ERR_DLOPEN_FAILED");
    expect(await built.run(code)).toContain("LOCKDOWN_REFUSED");
  });
});

describe("the lockdown", () => {
  it("knows every export of the Node that it runs on, or refuses it", async () => {
    const printed = await built.run(`
      import module, { createRequire } from "node:module";
      const load = createRequire(import.meta.url);
      process.emitWarning = () => {};
      const isRefused = (value) => { try { return value.name === "refused"; } catch { return true; } };
      const refused = [];
      for (const id of module.builtinModules) {
        let exported;
        try { exported = load(id); } catch { refused.push(id); continue; }
        for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(exported)))
          if (typeof value === "function" && isRefused(value)) refused.push(id + "." + name);
      }
      console.log(refused.join("\\n"));`);
    // What a new Node brings is seen here: it joins the list of what is usable, or this one.
    const known = new Set(REFUSED_EXPORTS);
    expect(
      printed
        .trim()
        .split("\n")
        .filter((name) => !known.has(name)),
    ).toEqual([]);
  });

  it("opens no debugger for a signal, from itself or from others", async () => {
    const printed = await built.run(`
      process.kill(process.pid, "SIGUSR1");
      await new Promise((done) => setTimeout(done, 300));
      console.log((await import("node:inspector")).url());`);
    expect(printed).toContain("undefined");
    expect(printed).toContain("SALLYPORT_LOCKDOWN_DEBUGGER");
    expect(printed).not.toContain("Debugger listening");
  });

  it("ends with the signal, rather than opening a debugger, once its listener is taken away", async () => {
    const printed = await built.run(`
      process.removeAllListeners("SIGUSR1");
      process.kill(process.pid, "SIGUSR1");
      await new Promise((done) => setTimeout(done, 500));
      console.log("alive");`);
    expect(printed).not.toContain("Debugger listening");
    expect(printed).not.toContain("alive");
  });

  it("does not start where every module can import what is below Node's own", async () => {
    expect(await built.run(`console.log("started");`, {}, ["--expose-internals"])).not.toContain("started");
  });

  it("does not start with a list of add-ons that cannot be read", async () => {
    const printed = await built.run(`console.log("started");`, {
      SALLYPORT_LOCKDOWN_ADDONS: "relative.node, /not/there",
    });
    expect(printed).not.toContain("started");
    expect(printed).toContain("/SALLYPORT_LOCKDOWN_ADDONS");
  });
});
