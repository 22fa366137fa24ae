import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { PassThrough } from "node:stream";
import { inspect } from "node:util";
import * as approval from "../../src/approval/index.js";
import * as audit from "../../src/audit/index.js";
import * as broker from "../../src/broker/index.js";
import { run } from "../../src/cli/run.js";
import { systemClock } from "../../src/clock.js";
import * as identity from "../../src/identity/index.js";
import * as sallyport from "../../src/index.js";
import * as masking from "../../src/masking/index.js";
import * as policy from "../../src/policy/index.js";
import * as slack from "../../src/slack/index.js";
import * as store from "../../src/store/index.js";
import * as testing from "../../src/testing/index.js";
import { silentLog } from "../support/guards.js";
import type { Fence, Page } from "./page.js";
import type { Partners } from "./partners.js";
import { LOGIN, type Login, PARTNER, type Services } from "./world.js";

/** What a page printed, fence by fence. */
export interface Printed {
  readonly fence: Fence;
  readonly output: string;
}

interface World {
  readonly services: Services;
  readonly login: Login | null;
  readonly partners: Partners;
  /** Values a page speaks of and a reader has from elsewhere, such as `identityToken`. */
  readonly given: Readonly<Record<string, unknown>>;
}

/**
 * Runs a page from top to bottom as one program in the current directory: fences with a file name are written, `js` is
 * executed, `sh` goes to the command line. Services at `https://….internal.example` and the authorization server at
 * `https://login.internal.example` are on loopback; nothing else is different from what a reader would run.
 */
export async function runPage(page: Page, world: World): Promise<readonly Printed[]> {
  const printed: { fence: Fence; output: string }[] = [];
  const guards: sallyport.Guard[] = [];
  const fences = page.parts.filter((part) => part.kind === "fence");
  const program = fences.map((fence, index) => `await begin(${index});\n${sourceOf(fence)}`).join("\n");
  const say = (text: string): void => {
    const last = printed.at(-1);
    if (last !== undefined) last.output += text;
  };
  const begin = async (index: number): Promise<void> => {
    const fence = fences[index];
    if (fence === undefined) throw new Error("there is no such fence");
    printed.push({ fence, output: "" });
    if (isFile(fence)) {
      mkdirSync(dirname(fence.label), { recursive: true });
      writeFileSync(fence.label, fence.text);
    }
    if (fence.language === "sh") for (const line of fence.text.trim().split("\n")) say(await runLine(line));
  };
  const given = { ...world.given, modules: modulesFor(world, guards), begin, console: consoleTo(say) };
  const AsyncFunction = (async () => {}).constructor as new (
    ...source: string[]
  ) => (...values: unknown[]) => Promise<void>;
  try {
    await new AsyncFunction(...Object.keys(given), program)(...Object.values(given));
  } catch (error) {
    const at = printed.at(-1)?.fence.line;
    throw new Error(`docs/${page.name}:${at}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
  } finally {
    for (const guard of guards) await guard.close();
  }
  return printed;
}

const isFile = ({ label }: Fence): boolean => /^[\w./-]+\.\w+$/.test(label);

/** Imports become look-ups, and what is declared at the top may be declared again further down the page. */
function sourceOf({ language, text }: Fence): string {
  if (language !== "js") return "";
  return text
    .replace(/^import \* as (\w+) from "([^"]+)";$/gm, 'var $1 = await modules("$2");')
    .replace(/^import \{([^}]+)\} from "([^"]+)";$/gm, (_, names: string, from: string) => {
      return `var {${names.replaceAll(" as ", ": ")}} = await modules("${from}");`;
    })
    .replace(/^(?:const|let) /gm, "var ");
}

function consoleTo(say: (text: string) => void): Pick<Console, "log"> {
  const log = (...values: unknown[]): void =>
    say(`${values.map((value) => (typeof value === "string" ? value : inspect(value))).join(" ")}\n`);
  return { log };
}

/** Nothing happens by itself: a slow machine would sign, renew and expire what the page does not speak of. */
const untimed: sallyport.Clock = { ...systemClock, schedule: () => () => undefined };

/** The package by its names, with the documentation's hosts on loopback. */
function modulesFor(
  { services, login, partners }: World,
  guards: sallyport.Guard[],
): (name: string) => Promise<unknown> {
  const located = <Options extends { readonly issuer: string }>(options: Options): Options =>
    options.issuer === LOGIN && login !== null
      ? { ...options, issuer: login.server.issuer, allowInsecure: true }
      : options.issuer === PARTNER
        ? { ...options, issuer: partners.issuer, allowInsecure: true }
        : options;
  const own: Readonly<Record<string, unknown>> = {
    sallyport: {
      ...sallyport,
      createGuard: async (options: sallyport.GuardOptions) => {
        const guard = await sallyport.createGuard({
          transport: { fetch: services.fetch },
          log: silentLog(),
          clock: untimed,
          ...options,
        });
        guards.push(guard);
        return guard;
      },
    },
    "sallyport/policy": policy,
    "sallyport/approval": approval,
    "sallyport/masking": masking,
    "sallyport/audit": audit,
    "sallyport/store": store,
    "sallyport/slack": slack,
    "sallyport/testing": testing,
    "sallyport/identity": {
      ...identity,
      oidcIdentity: (options: identity.OidcIdentityOptions) => identity.oidcIdentity(located(options)),
    },
    "sallyport/broker": {
      ...broker,
      clientCredentials: (options: broker.ClientCredentialsOptions) => broker.clientCredentials(located(options)),
      tokenExchange: (options: broker.TokenExchangeOptions) => broker.tokenExchange(located(options)),
      jwtBearer: (options: broker.JwtBearerOptions) => broker.jwtBearer(located(options)),
      idJag: ({ identityProvider, ...options }: broker.IdJagOptions) =>
        broker.idJag({
          ...located(options),
          identityProvider: { ...identityProvider, issuer: partners.identityProvider },
        }),
      githubApp: (options: broker.GithubAppOptions) =>
        broker.githubApp({ ...options, apiUrl: partners.github, allowInsecure: true }),
      githubActionsToken: (options: broker.GithubActionsTokenOptions) =>
        broker.githubActionsToken({ ...options, allowInsecure: true }),
    },
  };
  return async (name) => {
    if (Object.hasOwn(own, name)) return own[name];
    if (["vitest", "msw", "msw/node"].includes(name)) return await import(name);
    if (!name.startsWith("node:")) throw new Error(`a page imports ${name}, which its reader may not have`);
    return await import(name);
  };
}

/** Runs one line of a shell fence: our command, and `echo $?` after it. */
let lastExit = 0;
async function runLine(line: string): Promise<string> {
  if (line === "echo $?") return `${lastExit}\n`;
  const command = /^npx sallyport (.+)$/.exec(line.replace(/\s+#.*$/, ""))?.[1];
  if (command === undefined) return "";
  let output = "";
  const write = (text: string): void => {
    output += text;
  };
  const argv = [...command.matchAll(/"([^"]*)"|(\S+)/g)].map((match) => match[1] ?? match[2] ?? "");
  lastExit = await run(argv, {
    stdout: write,
    stderr: write,
    env: {},
    drained: async () => {},
    isTerminal: false,
    columns: 100,
    terminal: { input: new PassThrough(), output: new PassThrough() },
    interruption: () => new AbortController().signal,
  });
  return output.replaceAll(OF_THE_HARNESS, "");
}

/** The pages' guards get a fetch to loopback, which their record says; the reader's do not. */
const OF_THE_HARNESS =
  / {2}through a fetch given by the host, addresses not checked| {2}note: sessions that sent through a fetch given by the host, .*\n/g;
