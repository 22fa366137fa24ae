// Puts a getter that throws on Object.prototype, under one name after the other, and has a guard send a request under each.
// Prints under which names a call fails.
import { appendFileSync, readdirSync, rmSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { staticSecret } from "../../../src/broker/index.js";
import { createGuard } from "../../../src/index.js";

const { API, SECRET } = process.env as Record<string, string>;
const directory = `audit-${process.pid}`;
const guard = await createGuard({
  policy: {
    version: 1,
    services: { api: { origins: [API as string], addresses: ["127.0.0.0/8"], credential: "key" } },
    rules: [{ id: "items", effect: "allow", service: "api", methods: ["GET", "POST"], path: "/items/**" }],
  },
  credentials: { key: staticSecret({ scheme: "bearer", secret: SECRET as string }) },
  audit: { directory },
  log: { debug() {}, info() {}, warn() {}, error() {} },
});
const open = () => guard.openSession({ principal: { id: "ada", type: "human" }, agent: { id: "a" }, purpose: "t" });
const session = await open();
await (await session.fetch(`${API}/items/0`)).text();

/** What Node writes into its own objects: there, without a setter, even the attempt fails. */
const WRITTEN = "size nlink mode dev ino uid gid rdev blksize blocks atimeMs mtimeMs ctimeMs birthtimeMs".split(" ");
/**
 * Names that Node and undici ask options for. Left out are those that callers' own objects are asked for (`signal`, `parent`), that
 * property descriptors are (`writable`), and what Node asks objects of its own for: `timeout`, `readable`, from Node 22 on
 * `blockList` of its socket, in Node 24 `typeOfService` of its copy of the options.
 */
const NAMES = [
  ...WRITTEN,
  "bigint",
  ..."recursive flag encoding flush position length offset throwIfNoEntry maxRetries".split(" "),
  ..."all family hints order verbatim host port path localAddress localPort lookup keepAlive".split(" "),
  ..."noDelay keepAliveInitialDelay onread fd allowHalfOpen highWaterMark objectMode".split(" "),
  ..."autoSelectFamily handle pauseOnCreate captureRejections once capture passive".split(" "),
  ..."secureContext servername session ALPNProtocols rejectUnauthorized checkServerIdentity minDHSize".split(" "),
  ..."socketPath httpSocket useH2c allowH2 reset blocking upgrade query idempotent".split(" "),
  ..."headersTimeout bodyTimeout expectContinue throwOnError maxRedirections onRequestStart onUpgrade".split(" "),
  ..."dsaEncoding padding saltLength format type key cipher passphrase outputLength oneshot".split(" "),
  ..."connections sensitiveHeaders endStream weight silent createConnection".split(" "),
];
const failed: string[] = [];
for (const name of NAMES) {
  Object.defineProperty(Object.prototype, name, {
    configurable: true,
    get() {
      throw new Error(`asked Object.prototype for ${name}`);
    },
    ...(WRITTEN.includes(name)
      ? {}
      : {
          set(value: unknown) {
            Object.defineProperty(this, name, { value, writable: true, configurable: true, enumerable: true });
          },
        }),
  });
  let outcome = "";
  try {
    const own = await open();
    for (const used of [session, own]) {
      await (await used.fetch(`${API}/items/1`)).text();
      await (await used.fetch(`${API}/items/2`, { method: "POST", body: "x" })).text();
    }
    await own.close();
  } catch (error) {
    outcome = String((error as { code?: unknown }).code ?? error);
  }
  Reflect.deleteProperty(Object.prototype, name);
  if (outcome !== "") failed.push(`${name}: ${outcome}`);
}
/** What becomes of a call whose record somebody touched, while `size` is polluted. */
async function touched(touch: (path: string) => void): Promise<string> {
  const own = await open();
  await (await own.fetch(`${API}/items/1`)).text();
  const [log = ""] = readdirSync(directory, { recursive: true, encoding: "utf8" }).filter(
    (name) => name.includes(own.id) && name.endsWith(".jsonl"),
  );
  touch(join(directory, log));
  Object.defineProperty(Object.prototype, "size", {
    configurable: true,
    get() {
      throw new Error("asked Object.prototype for size");
    },
  });
  try {
    // Within a millisecond after the last look, none is taken: until then calls may pass.
    for (let call = 0; call < 1_000; call++) await (await own.fetch(`${API}/items/1`)).text();
    return "was not noticed";
  } catch (error) {
    return String((error as { code?: unknown }).code ?? error);
  } finally {
    Reflect.deleteProperty(Object.prototype, "size");
  }
}
const longer = await touched((path) => appendFileSync(path, "x"));
const removed = await touched((path) => unlinkSync(path));
await guard.close().catch(() => undefined);
rmSync(directory, { recursive: true, force: true });
console.log(JSON.stringify({ names: NAMES.length, failed, longer, removed }));
