import { spawn } from "node:child_process";
import { PassThrough } from "node:stream";
import { inspect } from "node:util";
import type { DemoIo } from "../../examples/demo/io.js";
import { builtProgram } from "../support/built-child.js";

export interface FakeIo extends DemoIo {
  readonly out: () => string;
  readonly err: () => string;
  readonly interrupt: () => void;
  readonly terminal: {
    readonly input: PassThrough & { isTTY?: boolean };
    readonly output: PassThrough & { isTTY?: boolean };
  };
}

/** A command's world in memory. `answers` makes it a terminal at which somebody gives these answers, one per question. */
export function fakeIo({
  env = {},
  answers,
}: {
  env?: Record<string, string>;
  answers?: readonly string[];
} = {}): FakeIo {
  let out = "";
  let err = "";
  const controller = new AbortController();
  const input: FakeIo["terminal"]["input"] = new PassThrough();
  const output: FakeIo["terminal"]["output"] = new PassThrough();
  if (answers !== undefined) {
    const left = [...answers];
    input.isTTY = true;
    output.isTTY = true;
    output.on("data", (chunk: Buffer) => {
      err += chunk.toString("utf8");
      // Nobody types while the question is still being written.
      if (chunk.includes("[y/N]")) setImmediate(() => input.write(`${left.shift() ?? "n"}\n`));
    });
  }
  return {
    stdout: (text) => {
      out += text;
    },
    stderr: (text) => {
      err += text;
    },
    env,
    drained: async () => {},
    isTerminal: false,
    columns: 100,
    terminal: { input, output },
    startDoomed: async () => {
      const doomed = await builtProgram(new URL("../examples/doomed-child.ts", import.meta.url));
      return spawn(process.execPath, [doomed], { stdio: ["pipe", "pipe", "inherit"] });
    },
    interruption: () => controller.signal,
    interrupt: () => controller.abort(new Error("interrupted by a test")),
    out: () => out,
    err: () => err,
  };
}

/** What belongs to the platform and not to anybody's data: not walked into, though its getters are called on data. */
const PLATFORM: readonly unknown[] = Reflect.ownKeys(globalThis).flatMap((name) => {
  const value: unknown = Object.getOwnPropertyDescriptor(globalThis, name)?.value ?? Reflect.get(globalThis, name);
  return typeof value === "function" ? [value, value.prototype] : [value];
});

/**
 * Everything that can be got at from `root`, as text: own and inherited properties, also hidden ones, symbols and getters,
 * elements, causes, and the forms that inspecting and printing give.
 */
export function everythingIn(root: unknown): string {
  const seen = new Set<unknown>(PLATFORM);
  const found: string[] = [];
  const attempt = (look: () => unknown): void => {
    try {
      walk(look());
    } catch {
      // A getter that throws, or an object without such a form, shows nothing.
    }
  };
  const walk = (value: unknown): void => {
    if (typeof value === "string") found.push(value);
    if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) return;
    seen.add(value);
    if (value instanceof Promise) value.catch(() => undefined);
    const depth = value === root ? 8 : 1;
    attempt(() => inspect(value, { depth, showHidden: true, maxStringLength: null, maxArrayLength: null }));
    attempt(() => JSON.stringify(value));
    attempt(() => String(value));
    if (ArrayBuffer.isView(value)) {
      found.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString("latin1"));
      return;
    }
    attempt(() => {
      if (Symbol.iterator in value) for (const item of value as Iterable<unknown>) walk(item);
    });
    for (
      let at: object | null = value;
      at !== null && at !== Object.prototype;
      at = Object.getPrototypeOf(at) as object | null
    ) {
      for (const key of Reflect.ownKeys(at)) {
        if (typeof key === "string") found.push(key);
        attempt(() => Reflect.get(at, key, value));
      }
    }
  };
  walk(root);
  return found.join("\n");
}

/** The forms in which a secret might have been copied: as it is, percent-encoded, in hex, in Base64 at any offset. */
export function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const percentAll = [...bytes].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
  const base64 = [0, 1, 2].flatMap((offset) => {
    // Inside a longer text the first and last digits also hold bits of the neighbours.
    const encoded = Buffer.concat([Buffer.alloc(offset), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const inner = encoded.slice(Math.ceil((offset * 4) / 3), encoded.length - 1);
    return inner.length < 8 ? [] : [inner, inner.replaceAll("+", "-").replaceAll("/", "_")];
  });
  const json = JSON.stringify(secret).slice(1, -1);
  return [
    ...new Set([
      secret,
      json,
      encodeURIComponent(secret),
      secret.replaceAll(" ", "+"),
      percentAll,
      percentAll.toUpperCase(),
      bytes.toString("hex"),
      ...base64,
    ]),
  ];
}

/** Which of the secrets occur in the text, in any form. Answers with their names, so that a failing test leaks nothing. */
export const leaksIn = (text: string, secrets: ReadonlyMap<string, string>): readonly string[] =>
  [...secrets].filter(([, secret]) => formsOf(secret).some((form) => text.includes(form))).map(([name]) => name);
