/** `; did you mean "onDeny"?` where a word is near to one of those that are known, and nothing otherwise. */
export function suggestion(given: unknown, known: readonly string[]): string {
  if (typeof given !== "string" || given.length > 64) return "";
  const limit = given.length < 4 ? 1 : 2;
  let nearest: string | undefined;
  let least = limit + 1;
  for (const word of known) {
    const distance = distanceOf(given.toLowerCase(), word.toLowerCase());
    if (distance >= least) continue;
    least = distance;
    nearest = word;
  }
  return nearest === undefined ? "" : `; did you mean "${nearest}"?`;
}

/** How many letters must be put in, left out, changed or exchanged with their neighbor (optimal string alignment). */
function distanceOf(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = Number(a[i - 1] !== b[j - 1]);
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + change);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row[j] = least;
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
