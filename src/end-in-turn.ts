/**
 * Ends one part after the other, also where one before it could not end: what cannot be recorded must not keep a
 * credential alive.
 *
 * @throws what the first of them threw
 */
export async function endInTurn(ends: readonly (() => unknown)[]): Promise<void> {
  const failures: unknown[] = [];
  for (const end of ends) {
    try {
      await end();
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}
