import { createRequire } from "node:module";
import { type Target, targetsOf } from "./spy.js";

/** What can be replaced from outside: by the name under which it is reported. */

const require = createRequire(import.meta.url);
const { getPrototypeOf } = Object;
const named = globalThis as unknown as Record<string, { prototype?: object }>;

const LANGUAGE = [
  ..."Object Function Array String Number Boolean Symbol BigInt RegExp Map Set WeakMap WeakSet WeakRef Promise Date".split(
    " ",
  ),
  ..."Math JSON Reflect Proxy Error TypeError AggregateError ArrayBuffer Uint8Array Uint16Array DataView Atomics".split(
    " ",
  ),
];
const PLATFORM = [
  ..."fetch Headers Request Response FormData Blob File URL URLSearchParams TextEncoder TextDecoder Buffer".split(" "),
  ..."crypto performance structuredClone AbortController AbortSignal Event EventTarget ReadableStream".split(" "),
  ..."WritableStream TransformStream ReadableStreamDefaultReader queueMicrotask setTimeout clearTimeout".split(" "),
  ..."setImmediate process console encodeURIComponent decodeURIComponent btoa atob parseInt escape".split(" "),
];
const MODULES = [
  ..."async_hooks buffer crypto diagnostics_channel dns dns/promises events fs fs/promises http https net os".split(
    " ",
  ),
  ..."path perf_hooks querystring stream string_decoder timers tls url util worker_threads zlib".split(" "),
];

const arrayIterator = getPrototypeOf([][Symbol.iterator]()) as object;
const generator = getPrototypeOf((function* (): Generator<never> {})()) as object;
const HIDDEN: readonly (readonly [string, object | null])[] = [
  ["%ArrayIterator%", arrayIterator],
  ["%Iterator%", getPrototypeOf(arrayIterator)],
  ["%MapIterator%", getPrototypeOf(new Map().entries())],
  ["%SetIterator%", getPrototypeOf(new Set().values())],
  ["%StringIterator%", getPrototypeOf(""[Symbol.iterator]())],
  ["%Generator%", getPrototypeOf(getPrototypeOf(generator) as object)],
  ["%TypedArray%", getPrototypeOf(Uint8Array)],
  ["%TypedArray%.prototype", getPrototypeOf(Uint8Array.prototype)],
  ["Headers iterator", getPrototypeOf(new Headers().entries())],
];

const globalTargets = (names: readonly string[]): readonly Target[] =>
  names.flatMap((name) => {
    const value = named[name];
    if (value === undefined) return [];
    return [
      { name: `globalThis.${name}`, holder: globalThis, key: name },
      ...targetsOf(name, value),
      ...(value.prototype === undefined ? [] : targetsOf(`${name}.prototype`, value.prototype)),
    ];
  });

const moduleTargets = (): readonly Target[] =>
  MODULES.flatMap((name) => {
    const module = require(`node:${name}`) as Record<string, { prototype?: object }>;
    return [
      ...targetsOf(`node:${name}`, module),
      ...Object.entries(module).flatMap(([key, value]) =>
        typeof value === "function" && (value as { prototype?: object }).prototype && key !== "Buffer"
          ? targetsOf(`node:${name}.${key}.prototype`, (value as { prototype: object }).prototype)
          : [],
      ),
    ];
  });

/** Every method and accessor of the language, the platform and Node's modules. */
export const everything = (): readonly Target[] => [
  ...globalTargets(LANGUAGE),
  ...globalTargets(PLATFORM),
  ...HIDDEN.flatMap(([name, holder]) => (holder === null ? [] : targetsOf(name, holder))),
  ...moduleTargets(),
];

/** Names that objects are asked for and may lack: an accessor under them on a prototype is handed the object. */
export const MEMBERS: readonly string[] = [
  ..."then authorization headers query path method origin body secret issued held flight refusal plan 0 1 2".split(" "),
  ..."toJSON reveal url signal upgrade reset blocking expectContinue servername host hostname port protocol".split(" "),
  ..."address lookup socketPath highWaterMark bodyTimeout placement in name prefix index groups callback".split(" "),
  ..."done next return cause aborted reason store peer timeout agent allowH2 typeOfService ca all family".split(" "),
  ..."once capture passive hints localAddress localPort nonce bound forms kid added lines".split(" "),
];
