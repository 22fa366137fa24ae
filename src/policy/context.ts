/** Who is accountable for a request: a person, or a service that acts for nobody else. Never masked in the record. */
export interface Principal {
  /** Stable subject identifier, e.g. the OIDC `sub`. */
  readonly id: string;
  readonly type: "human" | "service";
  /** Who vouches for `id`: the OIDC `iss`, or the host application's name where it asserted the principal. */
  readonly issuer?: string;
  readonly tenant?: string;
  readonly name?: string;
  readonly email?: string;
  readonly groups?: readonly string[];
  /** Further verified claims that `who` matchers may look at. */
  readonly claims?: Readonly<Record<string, unknown>>;
}

/** The program that acts. `id` is stable over runs; `instance` is one run. */
export interface Agent {
  readonly id: string;
  readonly instance?: string;
  readonly version?: string;
  readonly name?: string;
}

/** What a decision may know of the session. Times are epoch milliseconds. */
export interface SessionFacts {
  readonly id: string;
  readonly purpose: string;
  readonly startedAt: number;
  readonly expiresAt: number;
}

/** Everything a decision depends on besides the request. `now` is passed in: deciding reads no clock. */
export interface DecisionContext {
  readonly principal: Principal;
  readonly agent: Agent;
  readonly session: SessionFacts;
  /** Epoch milliseconds. */
  readonly now: number;
  /** Who handed the task on, outermost first, each in a session of its own. What one of them may not do, nobody after it may. */
  readonly delegatedBy?: readonly DelegationLink[];
}

/** One of the agents that handed a task on. */
export interface DelegationLink {
  readonly agent: Agent;
  readonly session: SessionFacts;
}
