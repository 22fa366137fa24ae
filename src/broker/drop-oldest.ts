/** Keeps a map at its limit, after one was added to it. `drop` removes the oldest one; default: it is deleted. */
export function dropOldest(map: Map<string, unknown>, limit: number, drop?: (oldest: string) => void): void {
  if (map.size <= limit) return;
  const [oldest] = map.keys();
  if (oldest === undefined) return;
  if (drop === undefined) map.delete(oldest);
  else drop(oldest);
}
