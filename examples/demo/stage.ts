import type { Session } from "sallyport";
import type { DemoAgent } from "./agent.js";
import type { Eyes } from "./eyes.js";
import type { DemoIo } from "./io.js";
import type { Person } from "./person.js";
import type { Story } from "./story.js";
import type { World } from "./world.js";

/** What every chapter has to hand. */
export interface Stage {
  readonly story: Story;
  readonly world: World;
  readonly person: Person;
  readonly eyes: Eyes;
  /** Where the record is, and the key that the auditor was given. */
  readonly directory: string;
  readonly verifierKey: string;
  readonly signal: AbortSignal;
  readonly startDoomed: DemoIo["startDoomed"];
}

/** A stage on which a session is open and an agent acts. */
export interface Scene extends Stage {
  readonly session: Session;
  readonly agent: DemoAgent;
}

/** A GET or POST as one line. */
export const requestLine = (method: string, path: string, body?: object): string =>
  `${method} ${path}${body === undefined ? "" : ` ${JSON.stringify(body)}`}`;

/** Cents as people write them. */
export const money = (cents: number): string => `${(cents / 100).toFixed(2)} EUR`;
