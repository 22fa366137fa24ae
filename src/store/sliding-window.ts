/** What was used up in the last `windowMs`, oldest first. Never changed, only replaced. */
export interface SlidingWindow {
  readonly windowMs: number;
  readonly uses: readonly Use[];
}

type Use = readonly [at: number, amount: number];

/** A window is exact up to this many uses; beyond, those close together count as the latest of them. */
export const MAX_USES = 256;

/** Sums of binary fractions are off by less than this part: 0.1 may be spent ten times of 1. No agent gains by it. */
const ROUNDING = 1e-9;

/** The window as it is at `now`. No span of its length ever holds more than what was let through. */
export function windowAt({ windowMs, uses }: SlidingWindow, now: number): SlidingWindow {
  const first = uses.findIndex(([at]) => at + windowMs > now);
  return { windowMs, uses: first === -1 ? [] : uses.slice(first) };
}

/** How long until `amount` fits under `max`, in milliseconds: 0 if it does at `now`, `Infinity` if it never will. */
export function waitFor({ windowMs, uses }: SlidingWindow, amount: number, max: number, now: number): number {
  const most = max * (1 + ROUNDING);
  if (amount > most) return Number.POSITIVE_INFINITY;
  // Added up anew each time, so that rounding does not pile up.
  let used = uses.reduce((sum, [, one]) => sum + one, 0);
  if (used + amount <= most) return 0;
  for (const [at, one] of uses) {
    used -= one;
    if (used + amount <= most) return at + windowMs - now;
  }
  return windowMs;
}

/** The window with something more used up. Memory is bounded: merged uses leave it late, never early. */
export function withUse({ windowMs, uses }: SlidingWindow, amount: number, now: number): SlidingWindow {
  if (amount === 0) return { windowMs, uses };
  const last = uses.at(-1);
  if (last?.[0] === now) return { windowMs, uses: [...uses.slice(0, -1), [now, last[1] + amount]] };
  const all: readonly Use[] = [...uses, [now, amount]];
  return { windowMs, uses: all.length > MAX_USES ? merged(all, (windowMs * 2) / MAX_USES) : all };
}

/** The window without what was used up `usedAt`; what has left it at `now` has nothing to give back. */
export function withoutUse(window: SlidingWindow, amount: number, usedAt: number, now: number): SlidingWindow {
  const { windowMs, uses } = windowAt(window, now);
  const index = usedAt + windowMs <= now ? -1 : uses.findIndex(([at]) => at >= usedAt);
  const use = uses[index];
  if (use === undefined) return { windowMs, uses };
  const rest = use[1] - amount;
  return { windowMs, uses: uses.toSpliced(index, 1, ...(rest > 0 ? [[use[0], rest] as const] : [])) };
}

function merged(uses: readonly Use[], span: number): readonly Use[] {
  const kept: Use[] = [];
  for (const [at, amount] of uses.toReversed()) {
    const later = kept.at(-1);
    if (later !== undefined && later[0] - at < span) kept[kept.length - 1] = [later[0], later[1] + amount];
    else kept.push([at, amount]);
  }
  return kept.reverse();
}
