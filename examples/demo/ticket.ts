/** What the agent's sessions are for. */
export const TICKET = {
  agent: { id: "support-bot" },
  purpose: "ticket 4711: charged twice",
  ttl: "15m",
} as const;
