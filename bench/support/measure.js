// Ratios within one run: the candidates take turns, so that a busy machine is busy for all of them.

const median = (values) => values.toSorted((a, b) => a - b)[values.length >> 1];

/** Median time of one call, in microseconds, one after the other. */
async function latency(call, times) {
  const taken = [];
  for (let i = 0; i < times; i++) {
    const start = performance.now();
    await call();
    taken.push((performance.now() - start) * 1000);
  }
  return median(taken);
}

/** Calls per second with 50 in flight. */
async function throughput(call, times) {
  let left = times;
  const start = performance.now();
  const lane = async () => {
    while (left-- > 0) await call();
  };
  await Promise.all(Array.from({ length: 50 }, lane));
  return times / ((performance.now() - start) / 1000);
}

/**
 * Runs every candidate warm, in turns, and returns a row for each, relative to the first one.
 *
 * @param {Record<string, () => Promise<unknown>>} candidates
 */
export async function compare(candidates, { rounds = 7, sequential = 400, concurrent = 3000 } = {}) {
  const entries = Object.entries(candidates).map(([name, call]) => ({ name, call, p50: [], rate: [] }));
  for (const { call } of entries) {
    await latency(call, sequential);
    await throughput(call, concurrent);
  }
  for (let round = 0; round < rounds; round++) {
    for (const { call, p50, rate } of entries) {
      p50.push(await latency(call, sequential));
      rate.push(await throughput(call, concurrent));
    }
  }
  const base = { p50: median(entries[0].p50), rate: median(entries[0].rate) };
  return entries.map(({ name, p50, rate }) => ({
    name,
    "p50 µs": Math.round(median(p50)),
    "× latency": Number((median(p50) / base.p50).toFixed(2)),
    "requests/s": Math.round(median(rate)),
    "× throughput": Number((median(rate) / base.rate).toFixed(2)),
  }));
}
