import { foldedId } from "../policy/folded-id.js";
import type { PromptTerms } from "./options.js";
import type { ApprovalDraft, ApprovalSubject } from "./types.js";

/** How often people may be asked: a person who is asked too often stops reading. */
export interface PromptBudget {
  /** Counts a prompt; returns why people may not be asked, or null. */
  spend(draft: Pick<ApprovalDraft, "sessionId" | "subject">, now: number): string | null;
  forget(sessionId: string): void;
}

const HOUR_MS = 3_600_000;
const DEFAULTS = { perSession: 100, perRequester: 300, perHour: 1_000 } as const;

export function createPromptBudget(terms: PromptTerms): PromptBudget {
  const { perSession, perRequester, perHour } = { ...DEFAULTS, ...terms };
  const bySession = new Map<string, number>();
  let lastHour: { readonly at: number; readonly requester: string }[] = [];
  return {
    spend({ sessionId, subject }, now) {
      const asked = bySession.get(sessionId) ?? 0;
      if (asked >= perSession) return `this session has asked people ${asked} times, and may not ask more often`;
      lastHour = lastHour.filter(({ at }) => now - at < HOUR_MS);
      const requester = requesterOf(subject);
      // A budget per session alone is none where a session is opened for each task.
      if (lastHour.filter((prompt) => prompt.requester === requester).length >= perRequester)
        return `this agent has asked people ${perRequester} times within an hour, and may not ask more often`;
      if (lastHour.length >= perHour)
        return `people were asked ${perHour} times within an hour, and may not be more often`;
      lastHour.push({ at: now, requester });
      bySession.set(sessionId, asked + 1);
      return null;
    },
    forget: (sessionId) => void bySession.delete(sessionId),
  };
}

/** An agent that acts for a person, however either of them is spelled. */
const requesterOf = ({ tenant, agent, onBehalfOf = "" }: ApprovalSubject): string =>
  JSON.stringify([tenant, agent, onBehalfOf].map(foldedId));
