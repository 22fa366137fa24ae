import { expect, it } from "vitest";
import { assertAxiosGuarded, guardedFetch, OptionsError } from "../../src/index.js";

const axios = (adapter: unknown, fetch: unknown) => ({ defaults: { adapter, env: { fetch } } });

it("passes an instance that calls a guarded fetch and nothing else", () => {
  expect(() => assertAxiosGuarded(axios("fetch", guardedFetch))).not.toThrow();
  expect(() => assertAxiosGuarded(axios(["fetch"], guardedFetch))).not.toThrow();
});

it.each([
  ["the default", ["xhr", "http", "fetch"], guardedFetch],
  ["none", undefined, guardedFetch],
  ["a list with another", ["fetch", "http"], guardedFetch],
  ["an empty list", [], guardedFetch],
  ["a function", () => undefined, guardedFetch],
  ["fetch, over another fetch", "fetch", globalThis.fetch],
  ["fetch, over none", "fetch", undefined],
])("tells that an instance would bypass the guard: its adapter is %s", (_name, adapter, fetch) => {
  expect(() => assertAxiosGuarded(axios(adapter, fetch))).toThrow(OptionsError);
  expect(() => assertAxiosGuarded(axios(adapter, fetch))).toThrow(/adapter: "fetch", env: \{ fetch: session\.fetch \}/);
});

it("takes nothing else for an axios instance", () => {
  expect(() => assertAxiosGuarded({} as never)).toThrow(TypeError);
});
