import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { GuardError } from "../../src/errors/guard-error.js";
import {
  Account,
  type Caller,
  type Limits,
  Place,
  type Pooled,
  type Share,
} from "../../src/transport/connections/pool.js";

class Line implements Pooled {
  isOpen = true;
  user: Call | null = null;
  readonly share: Share<Line>;
  constructor(share: Share<Line>) {
    this.share = share;
  }
  async close(): Promise<void> {
    this.isOpen = false;
  }
}

class Call implements Caller<Line> {
  readonly account: Account<Line>;
  readonly share: Share<Line>;
  line: Line | null = null;
  error: Error | null = null;
  constructor(account: Account<Line>, place: Place<Line>) {
    this.account = account;
    this.share = account.at(place);
  }
  take(line: Line): void {
    expect(line.user).toBeNull();
    expect(line.isOpen).toBe(true);
    line.user = this;
    this.line = line;
  }
  refuse(error: Error): void {
    this.error = error;
  }
  end(isReusable: boolean): void {
    const { line } = this;
    this.line = null;
    if (line === null) this.share.leave(this);
    else {
      line.user = null;
      line.share.release(line, isReusable);
    }
  }
}

const turn = async (): Promise<void> => {
  for (let i = 0; i < 5; i++) await undefined;
};

type Step =
  | { readonly kind: "call"; readonly session: number; readonly place: number }
  | { readonly kind: "end"; readonly which: number; readonly isReusable: boolean }
  | { readonly kind: "hang up"; readonly which: number }
  | { readonly kind: "close"; readonly session: number };

const kind = <Kind extends Step["kind"]>(name: Kind): fc.Arbitrary<Kind> => fc.constant(name);
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: kind("call"), session: fc.nat(2), place: fc.nat(1) }) },
    { weight: 4, arbitrary: fc.record({ kind: kind("end"), which: fc.nat(40), isReusable: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ kind: kind("hang up"), which: fc.nat(40) }) },
    { weight: 1, arbitrary: fc.record({ kind: kind("close"), session: fc.nat(2) }) },
  ),
  { maxLength: 60 },
);

it("whatever happens, nobody gets another's connection, nobody has more than a share, and nobody waits without need", async () => {
  const limits: Limits = { perPlace: 3, perSession: 3, waitingPerSession: 4 };
  await fc.assert(
    fc.asyncProperty(steps, async (script) => {
      const empty = new Set<number>();
      const places = [0, 1].map(
        (at) =>
          new Place<Line>(
            (share) => new Line(share),
            () => empty.add(at),
          ),
      );
      let accounts = [0, 1, 2].map(() => new Account<Line>(limits));
      const calls: Call[] = [];
      const underWay = (): Call[] => calls.filter(({ line }) => line !== null);
      const waiting = (): Call[] => calls.filter((call) => call.line === null && call.error === null);
      for (const step of script) {
        if (step.kind === "call") {
          const call = new Call(accounts[step.session]!, places[step.place]!);
          if (call.share.request(call)) calls.push(call);
          else expect(waiting().filter(({ account }) => account === call.account)).toHaveLength(4);
        } else if (step.kind === "end") {
          const alive = [...underWay(), ...waiting()];
          const call = alive[step.which % Math.max(1, alive.length)];
          if (call !== undefined) {
            calls.splice(calls.indexOf(call), 1);
            call.end(step.isReusable);
          }
        } else if (step.kind === "hang up") {
          const idle = accounts.flatMap((account) => [...account.idle]);
          const [line, share] = idle[step.which % Math.max(1, idle.length)] ?? [];
          if (line !== undefined) {
            line.isOpen = false;
            share?.discard(line);
          }
        } else {
          const account = accounts[step.session]!;
          await account.close(new GuardError("SESSION_CLOSED"));
          for (const call of calls.filter((one) => one.account === account)) {
            expect(call.line?.isOpen ?? call.error).not.toBe(true);
            calls.splice(calls.indexOf(call), 1);
            call.end(true);
          }
          expect([account.connections, account.waiting, account.shares.size]).toEqual([0, 0, 0]);
          accounts = accounts.map((one) => (one === account ? new Account<Line>(limits) : one));
        }
        await turn();
        for (const { line, account } of underWay()) expect(line?.share.account).toBe(account);
        for (const account of accounts) {
          expect(account.connections).toBeLessThanOrEqual(3);
          expect(account.waiting).toBe(waiting().filter((call) => call.account === account).length);
        }
        for (const place of places) {
          const users = new Set(underWay().map(({ share }) => share)).size;
          expect(place.connections).toBeLessThanOrEqual(3 + users);
        }
        for (const { account, share } of waiting()) {
          expect(account.connections === 3 || share.place.connections >= 3).toBe(true);
          expect(account.connections === 3 ? account.idle.size : share.place.idle.size).toBe(0);
        }
      }
      for (const call of [...calls]) {
        call.end(false);
        await turn();
      }
      for (const account of accounts) await account.close(new GuardError("SESSION_CLOSED"));
      for (const place of places) expect([place.connections, place.queue.size, place.shares.size]).toEqual([0, 0, 0]);
    }),
    { numRuns: 300 },
  );
});

describe("connections of one place", () => {
  const made = (perPlace = 2) => {
    const limits: Limits = { perPlace, perSession: 10, waitingPerSession: 100 };
    const place = new Place<Line>(
      (share) => new Line(share),
      () => {},
    );
    return { place, ada: new Account<Line>(limits), bob: new Account<Line>(limits) };
  };
  const calls = (account: Account<Line>, place: Place<Line>, count: number): Call[] =>
    Array.from({ length: count }, () => {
      const call = new Call(account, place);
      expect(call.share.request(call)).toBe(true);
      return call;
    });

  it("go to the sessions in turn, however many calls one of them makes", async () => {
    const { place, ada, bob } = made();
    const all = [...calls(ada, place, 50), ...calls(bob, place, 3)];
    const served: Call[] = [];
    const note = async (): Promise<void> => {
      await turn();
      for (const call of all) if (call.line !== null && !served.includes(call)) served.push(call);
    };
    await note();
    for (let ended = 0; ended < 7; ended++) {
      served[ended]?.end(true);
      await note();
    }
    const order = served.map(({ account }) => (account === ada ? "ada" : "bob"));
    expect(order.slice(0, 3)).toEqual(["ada", "ada", "bob"]); // who has none there is not made to wait
    expect(order.slice(3, 8).filter((who) => who === "bob")).toHaveLength(2); // and more than 40 of Ada's still wait
  });

  it("do not go back to the session that calls again in the same moment", async () => {
    const { place, ada, bob } = made();
    let own = calls(ada, place, 2);
    const [first, second] = calls(bob, place, 2);
    await turn();
    expect([first?.line, second?.line].map((line) => line !== null)).toEqual([true, false]);
    for (let round = 0; round < 4; round++) {
      own.find(({ line }) => line !== null)?.end(true);
      own = [...own.filter(({ line }) => line !== null), ...calls(ada, place, 1)];
      await turn();
    }
    expect(second?.line).not.toBeNull();
  });

  it("that become free together go to one session each", async () => {
    const { place, ada, bob } = made(4);
    const three = calls(ada, place, 3);
    const [, ...ofBob] = calls(bob, place, 2);
    const ofAda = calls(ada, place, 2);
    await turn();
    const count = (all: readonly Call[]): number => all.filter(({ line }) => line !== null).length;
    expect([count(three), count(ofAda), count(ofBob), place.connections]).toEqual([3, 0, 0, 4]);
    for (const call of three.slice(1)) call.end(false);
    await turn();
    expect([count(ofAda), count(ofBob)]).toEqual([1, 1]);
  });

  it("that are idle make room for another session", async () => {
    const { place, ada, bob } = made();
    const first = calls(ada, place, 2);
    const lines = first.map(({ line }) => line);
    for (const call of first) call.end(true);
    const [mine, too] = calls(bob, place, 2);
    expect([mine?.line, too?.line].every((line) => line !== null && !lines.includes(line!))).toBe(true);
    expect(place.connections).toBe(2);
    expect(lines.map((line) => line?.isOpen)).toEqual([false, false]);
  });
});
