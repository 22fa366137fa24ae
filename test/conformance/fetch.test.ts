import { isDeepStrictEqual } from "node:util";
import { fetch as npmFetch } from "undici";
import { describe, expect, it } from "vitest";
import { DELIBERATE } from "./differences.js";
import { guardedLab } from "./guarded.js";
import { plain } from "./lab.js";
import { type Fetch, type Observation, type Operation, observe } from "./observe.js";
import { ABORT_OPERATIONS, DENIED_OPERATIONS, FAULT_OPERATIONS, REDIRECT_OPERATIONS } from "./operations-faults.js";
import { FOUND_OPERATIONS } from "./operations-found.js";
import { PLATFORM_OPERATIONS } from "./operations-platform.js";
import {
  BODY_OPERATIONS,
  foreignForm,
  foreignRequest,
  HEADER_OPERATIONS,
  INPUTS,
  METHOD_OPERATIONS,
  nativeForm,
  OPTION_OPERATIONS,
} from "./operations-requests.js";
import { CODING_OPERATIONS, INTEGRITY_OPERATIONS, RESPONSE_OPERATIONS } from "./operations-responses.js";

const OPERATIONS: readonly Operation[] = [
  ...INPUTS,
  ...METHOD_OPERATIONS,
  ...HEADER_OPERATIONS,
  ...BODY_OPERATIONS,
  ...OPTION_OPERATIONS,
  ...RESPONSE_OPERATIONS,
  ...CODING_OPERATIONS,
  ...INTEGRITY_OPERATIONS,
  ...REDIRECT_OPERATIONS,
  ...ABORT_OPERATIONS,
  ...FAULT_OPERATIONS,
  ...DENIED_OPERATIONS,
  ...PLATFORM_OPERATIONS,
  ...FOUND_OPERATIONS,
];

const guarded = guardedLab();

const run = (operation: Operation, fetch: Fetch): Promise<Observation> => observe(operation, fetch, guarded.lab, plain);

describe("what a program and a server see of", () => {
  it("is compared for more than 200 operations, each under a name of its own", () => {
    expect(new Set(OPERATIONS.map(({ name }) => name)).size).toBe(OPERATIONS.length);
    expect(OPERATIONS.length).toBeGreaterThan(200);
    const names = new Set(OPERATIONS.map(({ name }) => name));
    expect(Object.keys(DELIBERATE).filter((name) => !names.has(name))).toEqual([]);
  });

  // Node's own fetch and npm's differ here and there, and from version to version: what one of them does is fetch.
  it.each(OPERATIONS)("$name", async (operation) => {
    const ours = await run(operation, guarded.session.fetch);
    const nodes = await run(operation, globalThis.fetch);
    const npms = await run(operation, npmFetch as unknown as Fetch);
    const isSame = isDeepStrictEqual(ours, nodes) || isDeepStrictEqual(ours, npms);
    if (operation.name in DELIBERATE) expect(isSame).toBe(false);
    else if (!isSame) expect(ours).toEqual(nodes);
  });
});

describe("what fetch would take for text", () => {
  it("is a request where it is a Request of another copy of undici", async () => {
    guarded.lab.reset(plain);
    await foreignRequest(guarded.session.fetch, guarded.lab.a);
    expect(guarded.lab.arrived).toMatchObject([{ method: "POST", target: "/x", body: "npm", headers: { "x-a": "1" } }]);
  });

  it("is a form where it is a FormData of another copy of undici", async () => {
    const wire = async (send: typeof foreignForm): Promise<unknown> => {
      guarded.lab.reset(plain);
      await send(guarded.session.fetch, guarded.lab.a);
      return JSON.parse(guarded.lab.neutral(JSON.stringify(guarded.lab.arrived)));
    };
    expect(await wire(foreignForm)).toEqual(await wire(nativeForm));
  });
});
