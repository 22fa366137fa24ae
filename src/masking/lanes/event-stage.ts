import { joined } from "../bytes.js";
import type { Stage, StageContext } from "../stage.js";
import { EventLanes } from "./event-lanes.js";

/** Events: first what goes on from one to the next, then each of them. */
export class EventStage implements Stage {
  readonly #lanes: EventLanes;
  readonly #events: Stage;

  constructor(context: StageContext, events: Stage) {
    this.#lanes = new EventLanes(context);
    this.#events = events;
  }

  get held(): number {
    return this.#lanes.held + this.#events.held;
  }

  push(chunk: Uint8Array): Uint8Array {
    return this.#events.push(this.#lanes.push(chunk));
  }

  flush(): Uint8Array {
    return this.#events.whole(this.#lanes.flush());
  }

  whole(body: Uint8Array): Uint8Array {
    return this.#events.whole(joined([this.#lanes.push(body), this.#lanes.flush()]));
  }
}
