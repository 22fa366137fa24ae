// Times of single synchronous calls. The candidates take turns, so that a busy machine is busy for all of them.

/** How long a candidate is called before it is measured, and in each of its turns. Milliseconds. */
const WARM_MS = 400;
const TURN_MS = 15;
const TURNS = 40;

function callFor(ms, call, taken) {
  const end = performance.now() + ms;
  let before;
  do {
    before = performance.now();
    call();
    taken.push((performance.now() - before) * 1000);
  } while (before < end);
}

/** Median and 99th percentile of each candidate in microseconds. A slow one has fewer calls: at least one in each turn. */
export function singleCalls(candidates) {
  const entries = Object.entries(candidates).map(([name, call]) => ({ name, call, taken: [] }));
  for (const { call } of entries) callFor(WARM_MS, call, []);
  for (let turn = 0; turn < TURNS; turn++) for (const { call, taken } of entries) callFor(TURN_MS, call, taken);
  return entries.map(({ name, taken }) => {
    taken.sort((a, b) => a - b);
    const at = (share) => Number(taken[Math.floor(taken.length * share)].toPrecision(3));
    return { name, "p50 µs": at(0.5), "p99 µs": at(0.99) };
  });
}
