// Wiretaps everything, and then has a guard send requests with a credential. Prints what was overheard, and what came of it.
import { rmSync } from "node:fs";
import { staticSecret } from "../../../src/broker/index.js";
import { createGuard } from "../../../src/index.js";
import { createSpy, trap, wiretap } from "./spy.js";
import { everything, MEMBERS } from "./targets.js";

const { API, SECRET, SCHEME } = process.env as Record<string, string>;
const directory = `audit-${process.pid}`;
const guard = await createGuard({
  policy: {
    version: 1,
    services: { api: { origins: [API as string], addresses: ["127.0.0.0/8"], credential: "key" } },
    rules: [{ id: "items", effect: "allow", service: "api", methods: ["GET", "POST"], path: "/items/**" }],
  },
  credentials: {
    key:
      SCHEME === "query"
        ? staticSecret({ scheme: "query", name: "key", secret: SECRET as string })
        : staticSecret({ scheme: "bearer", secret: SECRET as string }),
  },
  // What is looked for in answers is put together anew for a new credential: with few detectors, that is little to listen to.
  masking: { detectors: ["EMAIL"] },
  audit: { directory, sync: "os" },
  log: { debug() {}, info() {}, warn() {}, error() {} },
});
const open = () => guard.openSession({ principal: { id: "ada", type: "human" }, agent: { id: "a" }, purpose: "t" });
const early = await open();
/** Gets its credential while everything is being listened to. */
const late = await open();
await (await early.fetch(`${API}/items/0`)).text();

const { log } = console;
const { stringify } = JSON;
const { input: remembered } = Object.getOwnPropertyDescriptors(RegExp) as unknown as Record<string, PropertyDescriptor>;
const spy = createSpy([SECRET as string, encodeURIComponent(SECRET as string)]);
const undo: (() => void)[] = [];
for (const target of everything()) undo.push(wiretap(spy, target));
for (const [name, holder] of [
  ["Object.prototype", Object.prototype],
  ["Array.prototype", Array.prototype],
] as const)
  for (const key of MEMBERS) undo.push(trap(spy, holder, key, `${name} "${key}"`));

async function useOf(session: typeof early): Promise<unknown> {
  spy.sightings = [];
  const first = await session.fetch(`${API}/items/1?a=b`, { headers: { accept: "a/b" } });
  const text = await first.text();
  await session.fetch(`${API}/items/2`, { method: "POST", body: '{"a":1}', headers: { "content-type": "a/b" } });
  const denied = await session.fetch(`${API}/admin`).catch((error: { code: string }) => error.code);
  spy.look([remembered?.get?.call(RegExp)], "RegExp.input");
  return { text, denied, overheard: spy.sightings };
}

spy.isOn = true;
try {
  const held = await useOf(early);
  const fetched = await useOf(late);
  spy.isOn = false;
  for (let at = undo.length; at-- > 0; ) undo[at]?.();
  log(stringify({ taps: undo.length, held, fetched }));
} finally {
  await guard.close();
  rmSync(directory, { recursive: true, force: true });
}
