import type { PromptTerms } from "./options.js";

/** How often people may be asked: a person who is asked too often stops reading. */
export interface PromptBudget {
  /** Counts a question; answers with why it may not be asked, or null. */
  spend(sessionId: string, now: number): string | null;
  forget(sessionId: string): void;
}

const HOUR_MS = 3_600_000;
const DEFAULTS = { perSession: 100, perHour: 1_000 } as const;

export function createPromptBudget(terms: PromptTerms): PromptBudget {
  const { perSession, perHour } = { ...DEFAULTS, ...terms };
  const bySession = new Map<string, number>();
  let lastHour: number[] = [];
  return {
    spend(sessionId, now) {
      const asked = bySession.get(sessionId) ?? 0;
      if (asked >= perSession) return `this session has asked people ${asked} times, and may not ask more often`;
      lastHour = lastHour.filter((at) => now - at < HOUR_MS);
      if (lastHour.length >= perHour)
        return `people were asked ${perHour} times within an hour, and may not be more often`;
      lastHour.push(now);
      bySession.set(sessionId, asked + 1);
      return null;
    },
    forget: (sessionId) => void bySession.delete(sessionId),
  };
}
