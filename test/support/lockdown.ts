import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer, type Server } from "node:net";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";
import { startUpstream, type Upstream } from "./upstream.js";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** The package as it is built, for programs that run in a process of their own under `--import sallyport/lockdown`. */
export interface BuiltLockdown {
  readonly directory: string;
  /** Runs a program, and returns what it printed. */
  run(
    code: string,
    env?: Readonly<Record<string, string>>,
    flags?: readonly string[],
    handedOn?: readonly number[],
  ): Promise<string>;
  remove(): void;
}

export async function buildLockdown(): Promise<BuiltLockdown> {
  const directory = mkdtempSync(join(ROOT, "node_modules/.cache-lockdown-"));
  await build({
    entryPoints: { index: join(ROOT, "src/index.ts"), "lockdown/index": join(ROOT, "src/lockdown/index.ts") },
    outdir: directory,
    bundle: true,
    splitting: true,
    packages: "external",
    platform: "node",
    format: "esm",
    target: "node20",
    outExtension: { ".js": ".mjs" },
  });
  const lockdown = pathToFileURL(join(directory, "lockdown/index.mjs")).href;
  return {
    directory,
    async run(code, env = {}, flags = [], handedOn = []) {
      const file = join(directory, `program-${Math.random().toString(36).slice(2)}.mjs`);
      writeFileSync(file, code);
      const child = spawn(process.execPath, [...flags, "--import", lockdown, file], {
        cwd: directory,
        env: { PATH: process.env["PATH"] ?? "", ...env },
        stdio: ["ignore", "pipe", "pipe", ...handedOn],
      });
      let text = "";
      child.stdout?.on("data", (chunk: Buffer) => (text += chunk.toString()));
      child.stderr?.on("data", (chunk: Buffer) => (text += chunk.toString()));
      await new Promise((resolve) => child.on("close", resolve));
      return text;
    },
    remove: () => rmSync(directory, { recursive: true, force: true }),
  };
}

/** Somewhere to get to: knows how often somebody did. */
export interface Target {
  readonly port: number;
  readonly reached: number;
  close(): Promise<void>;
}

export async function openTarget(): Promise<Target> {
  let reached = 0;
  const server: Server = createServer((socket) => {
    reached++;
    socket.on("error", () => undefined).end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get reached() {
      return reached;
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  };
}

/** A program's guard, whose one service is `API`, and a session of it. */
export const GUARD = `
  import { createGuard } from "./index.mjs";
  const guard = await createGuard({
    policy: {
      version: 1,
      services: { api: { origins: [API], addresses: ["127.0.0.0/8"] } },
      rules: [{ id: "read", effect: "allow", service: "api", methods: ["GET"], path: "/**" }],
    },
    audit: { directory: "audit-" + process.pid },
  });
  const session = await guard.openSession({ principal: { id: "ada", type: "human" }, agent: { id: "a" }, purpose: "t" });
`;

/** What a program needs to know of the world. */
export const world = (target: Target, api: Upstream): string =>
  `const PORT = ${target.port}; const API = ${JSON.stringify(api.origin)};\n`;

export { startUpstream, type Upstream };
