import { foldedId } from "../../policy/folded-id.js";
import type { Approver } from "../types.js";

/** So many people from one place. All entries of a quorum must be met. */
export interface QuorumEntry {
  /** Shown to approvers. */
  readonly name: string;
  readonly n: number;
  /** `group:NAME`, or the id of one person. Default: anybody who may decide. */
  readonly from?: string;
}

/** How far a quorum is, as approvers are shown it. */
export interface QuorumState {
  readonly met: boolean;
  readonly entries: readonly (QuorumEntry & {
    /** Who has said yes for this entry. */
    readonly approvedBy: readonly string[];
  })[];
}

/** One yes each, unless somebody says otherwise. */
const ANYBODY: readonly QuorumEntry[] = [{ name: "approver", n: 1 }];

/**
 * A person, wherever they answer from: who clicks in a chat and types at a terminal is one person. Of two people with one id
 * in two directories one counts, so all channels should speak of people by the same directory.
 */
export const personOf = ({ id }: Approver): string => foldedId(id);

const GROUP = "group:";

/** Whether `from` names this person or a group that their channel proved. */
export function isFrom(from: string | undefined, by: Approver): boolean {
  if (from === undefined) return true;
  if (!from.startsWith(GROUP)) return foldedId(from) === personOf(by);
  return (by.groups ?? []).some((group) => isGroup(from, group));
}

/** Whether `from` names this group. */
export const isGroup = (from: string, group: string): boolean =>
  from.startsWith(GROUP) && foldedId(from.slice(GROUP.length)) === foldedId(group);

/**
 * Counts the yeses of different people. With `distinctPeople` one person fills one place, also where they are in two groups;
 * who fills which is chosen so that as many places as possible are filled (augmenting paths, after Kuhn).
 */
export function quorumState(
  quorum: readonly QuorumEntry[] | undefined,
  yeses: readonly Approver[],
  distinctPeople: boolean,
): QuorumState {
  const entries = quorum ?? ANYBODY;
  const people = [...new Map(yeses.map((by) => [personOf(by), by])).values()];
  const seats = entries.flatMap((entry, index) => Array.from({ length: entry.n }, () => ({ entry, index })));
  const seated = new Map<number, Approver>();
  const seat = (by: Approver, tried: Set<number>): boolean => {
    for (const [number, { entry }] of seats.entries()) {
      if (tried.has(number) || !isFrom(entry.from, by)) continue;
      tried.add(number);
      const sitting = seated.get(number);
      if (sitting !== undefined && !seat(sitting, tried)) continue;
      seated.set(number, by);
      return true;
    }
    return false;
  };
  if (distinctPeople) for (const by of people) seat(by, new Set());
  const state = entries.map((entry, index) => {
    const approvedBy = distinctPeople
      ? [...seated].filter(([number]) => seats[number]?.index === index).map(([, by]) => by.id)
      : people
          .filter((by) => isFrom(entry.from, by))
          .slice(0, entry.n)
          .map((by) => by.id);
    return { ...entry, approvedBy };
  });
  return { met: state.every(({ n, approvedBy }) => approvedBy.length >= n), entries: state };
}
