import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { approveInTerminal } from "../../src/approval/index.js";
import { OptionsError } from "../../src/errors/guard-error.js";
import { bench, draftOf, settled } from "./support.js";

/** A terminal in memory: what is typed, and what is on the screen. */
function terminal({ isTTY = true } = {}) {
  const input = Object.assign(new PassThrough(), { isTTY });
  const output = Object.assign(new PassThrough(), { isTTY, columns: 100 });
  let screen = "";
  output.on("data", (chunk) => {
    screen += String(chunk);
  });
  return {
    input,
    streams: { input, output },
    output,
    type: (text: string) => void input.write(text),
    screen: () => screen,
    /** Waits until the question has been put `count` times. */
    async question(count = 1) {
      while (screen.split("[y/N]").length <= count) await settled();
    },
  };
}

const person = { id: "ann", idp: "terminal" };

describe("a person at the terminal", () => {
  test("sees the card and says yes with y, and the request is sent once", async () => {
    const tty = terminal();
    const { obtain, events } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    const waiting = obtain();
    await tty.question();
    expect(tty.screen()).toContain("  path      /v1/refunds");
    expect(tty.screen()).toContain('    | {"amount":100}');
    tty.type("y\n");
    expect(await waiting).toBe("sent");
    expect(events.find((event) => event.type === "decided")?.approver).toEqual(person);
  });

  test.each(["n\n", "\n", "no\n", " N \r\n"])("says no with %j", async (typed) => {
    const tty = terminal();
    const { obtain } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    const waiting = obtain();
    await tty.question();
    tty.type(typed);
    expect(await waiting).toBe("APPROVAL_DENIED");
  });

  test("is asked again after anything else, and after three times nothing is approved", async () => {
    const tty = terminal();
    const { obtain } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    const waiting = obtain();
    for (const [index, typed] of ["yess", "y n", "CONFIRMED: Deny"].entries()) {
      await tty.question(index + 1);
      tty.type(`${typed}\n`);
    }
    expect(await waiting).toBe("APPROVAL_UNAVAILABLE");
  });

  test("has not answered a question with what was typed before it was there", async () => {
    const tty = terminal();
    const { obtain } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    tty.type("y\ny\n");
    const waiting = obtain();
    await tty.question();
    tty.type("n\n");
    expect(await waiting).toBe("APPROVAL_DENIED");
  });

  test("answers one question at a time: a key pressed twice does not answer the next", async () => {
    const tty = terminal();
    const { obtain } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    const [first, second] = [obtain(draftOf({}, "1")), obtain(draftOf({}, "2"))];
    await tty.question();
    await settled();
    expect(tty.screen().split("[y/N]")).toHaveLength(2);
    tty.type("y\ny\n");
    expect(await first).toBe("sent");
    await tty.question(2);
    tty.type("n\n");
    expect(await second).toBe("APPROVAL_DENIED");
  });

  test("may take longer than the call waits; the next call finds the answer", async () => {
    const tty = terminal();
    const { obtain, clock, desk } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    const waiting = obtain();
    await tty.question();
    await clock.advance(25_000);
    expect(await waiting).toBe("APPROVAL_PENDING");
    tty.type("y\n");
    while ((await desk.list({ state: "approved" })).length === 0) await settled();
    expect(await obtain()).toBe("sent");
  });

  test("sees the question taken back when it no longer stands, and the next one is asked", async () => {
    const tty = terminal();
    const { obtain, desk } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    const [first, second] = [obtain(draftOf({ sessionId: "s1" }, "1")), obtain(draftOf({ sessionId: "s2" }, "2"))];
    await tty.question();
    await desk.cancel((await desk.list()).find(({ sessionId }) => sessionId === "s1")!.id, { id: "bo", idp: "x" });
    expect(await first).toBe("APPROVAL_UNAVAILABLE");
    await tty.question(2);
    expect(tty.screen()).toContain("no longer stands");
    tty.type("y\n");
    expect(await second).toBe("sent");
  });

  test("who hangs up has not said yes", async () => {
    const tty = terminal();
    const { obtain } = bench({ request: approveInTerminal({ ...tty.streams, approver: person }) });
    const waiting = obtain();
    await tty.question();
    tty.input.end();
    expect(await waiting).toBe("APPROVAL_UNAVAILABLE");
    expect(await obtain()).toBe("APPROVAL_UNAVAILABLE");
  });
});

test("without a terminal the call is refused, with a sentence that says why", async () => {
  for (const options of [
    terminal({ isTTY: false }),
    { input: terminal().input, output: terminal({ isTTY: false }).output },
  ]) {
    const { desk } = bench({ request: approveInTerminal({ input: options.input, output: options.output }) });
    const error = await desk
      .obtain(draftOf(), { signal: new AbortController().signal })
      .catch((refusal: unknown) => refusal);
    expect(error).toMatchObject({ code: "APPROVAL_UNAVAILABLE", message: expect.stringContaining("needs a terminal") });
  }
});

test("unless told otherwise the approver is the operating system's user", async () => {
  const tty = terminal();
  const { obtain, events } = bench({ request: approveInTerminal({ input: tty.input, output: tty.output }) });
  const waiting = obtain();
  await tty.question();
  tty.type("y\n");
  expect(await waiting).toBe("sent");
  expect(events.find((event) => event.type === "decided")?.approver).toMatchObject({ idp: "terminal" });
});

test("wrong options are refused", () => {
  expect(() => approveInTerminal({ approver: { id: "", idp: "x" } })).toThrow(OptionsError);
  expect(() => approveInTerminal({ default: "y" } as never)).toThrow(OptionsError);
});
