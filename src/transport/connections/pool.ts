import type { GuardError } from "../../errors/guard-error.js";

/** A connection, as far as sharing it goes. */
export interface Pooled {
  /** Whether it can still take a request: not once either side has closed it. */
  readonly isOpen: boolean;
  /** Closes it. What is under way on it fails. Settles once the socket is gone; never rejects. */
  close(): Promise<void>;
}

/** A call that needs a connection. It takes one, or is told why there is none. */
export interface Caller<Connection> {
  take(connection: Connection): void;
  refuse(error: GuardError): void;
}

/** How much there is. */
export interface Limits {
  /** Connections to one place, of all sessions together. Each session may have one beyond that. */
  readonly perPlace: number;
  /** Connections of one session, to all places together. */
  readonly perSession: number;
  /** Calls of one session that wait for a connection. */
  readonly waitingPerSession: number;
}

/**
 * What one session has: connections and waiting calls, over all places. **No connection ever moves from one session to
 * another**, so what one session has sent or left unread on a connection cannot meet the bytes of another.
 */
export class Account<Connection extends Pooled> {
  readonly limits: Limits;
  readonly shares: Map<Place<Connection>, Share<Connection>> = new Map();
  /** Idle connections, the one that has been idle longest first. */
  readonly idle: Map<Connection, Share<Connection>> = new Map();
  /** What has been closed, and still has a socket. */
  readonly closing: Set<Promise<void>> = new Set();
  connections = 0;
  waiting = 0;

  constructor(limits: Limits) {
    this.limits = limits;
  }

  at(place: Place<Connection>): Share<Connection> {
    return this.shares.get(place) ?? new Share(this, place);
  }

  /** Refuses what waits, and closes every connection. Settles once the last socket is gone. */
  async close(error: GuardError): Promise<void> {
    for (const share of [...this.shares.values()]) share.close(error);
    await Promise.all(this.closing);
  }
}

/** Where connections lead: one origin under one set of rules. Its connections are shared out between sessions. */
export class Place<Connection extends Pooled> {
  readonly create: (share: Share<Connection>) => Connection;
  /** Called when no session has or wants a connection here. */
  readonly onEmpty: () => void;
  readonly shares: Set<Share<Connection>> = new Set();
  /** Shares in which calls wait, the one whose turn it is first. */
  readonly queue: Set<Share<Connection>> = new Set();
  readonly idle: Map<Connection, Share<Connection>> = new Map();
  connections = 0;
  #isServing = false;

  constructor(create: (share: Share<Connection>) => Connection, onEmpty: () => void) {
    this.create = create;
    this.onEmpty = onEmpty;
  }

  /** Soon, and not now: whoever gives a connection back is still in the middle of what ended the call. */
  serveSoon(): void {
    if (this.#isServing || this.queue.size === 0) return;
    this.#isServing = true;
    queueMicrotask(() => {
      this.#isServing = false;
      this.#serve();
    });
  }

  /** One call of each session in turn, as long as there is a connection for one: who asks for more does not wait less. */
  #serve(): void {
    for (let isServed = true; isServed; ) {
      isServed = false;
      for (const share of this.queue) {
        isServed = share.serveOne();
        if (isServed) break;
      }
    }
  }
}

/** What one session has at one place. */
export class Share<Connection extends Pooled> {
  readonly account: Account<Connection>;
  readonly place: Place<Connection>;
  readonly #connections = new Set<Connection>();
  /** The one used last is used first: the others can then close. */
  readonly #idle: Connection[] = [];
  readonly #waiting = new Set<Caller<Connection>>();

  constructor(account: Account<Connection>, place: Place<Connection>) {
    this.account = account;
    this.place = place;
    account.shares.set(place, this);
    place.shares.add(this);
  }

  /** Gives the caller a connection, now or when it is its turn. False: too many calls of the session wait already. */
  request(caller: Caller<Connection>): boolean {
    const { account, place } = this;
    const connection = place.queue.size === 0 ? this.#obtain() : null;
    if (connection !== null) {
      caller.take(connection);
      return true;
    }
    const isRefused = account.waiting >= account.limits.waitingPerSession;
    if (isRefused) this.#leaveIfEmpty();
    else {
      account.waiting++;
      this.#waiting.add(caller);
      place.queue.add(this);
      place.serveSoon(); // others may wait for what only they lack
    }
    return !isRefused;
  }

  /** The caller does not wait any longer. Without effect when it does not wait. */
  leave(caller: Caller<Connection>): void {
    if (!this.#waiting.delete(caller)) return;
    this.account.waiting--;
    if (this.#waiting.size === 0) this.place.queue.delete(this);
    this.#leaveIfEmpty();
  }

  /** A call is over. `isReusable`: another call of the same session may follow on the connection. */
  release(connection: Connection, isReusable: boolean): void {
    if (!this.#connections.has(connection)) return;
    if (isReusable && connection.isOpen) {
      this.#idle.push(connection);
      this.account.idle.set(connection, this);
      this.place.idle.set(connection, this);
      this.#offer();
    } else this.discard(connection);
  }

  /** Closes the connection, and forgets it. */
  discard(connection: Connection): void {
    if (!this.#connections.has(connection)) return;
    this.#drop(connection);
    this.#offer();
    this.#leaveIfEmpty();
  }

  /** For the place, in this share's turn. */
  serveOne(): boolean {
    const connection = this.#obtain();
    if (connection === null) return false;
    const { queue } = this.place;
    queue.delete(this);
    for (const caller of this.#waiting) {
      this.#waiting.delete(caller);
      this.account.waiting--;
      if (this.#waiting.size > 0) queue.add(this); // behind the others
      caller.take(connection);
      break;
    }
    return true;
  }

  close(error: GuardError): void {
    for (const caller of [...this.#waiting]) {
      this.leave(caller);
      caller.refuse(error);
    }
    for (const connection of [...this.#connections]) this.discard(connection);
  }

  /** A connection that is idle, or a new one where there may be one more; null where there is none to be had now. */
  #obtain(): Connection | null {
    const { account, place } = this;
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isOpen) {
        account.idle.delete(idle);
        place.idle.delete(idle);
        return idle;
      }
      this.#drop(idle);
    }
    const { perSession, perPlace } = account.limits;
    if (account.connections >= perSession && !discardOldest(account.idle)) return null;
    // A session that has none here is not made to wait for what the others do: it may have one more than there are.
    const hasNone = this.#connections.size === 0;
    while (place.connections >= perPlace && discardOldest(place.idle));
    if (place.connections >= perPlace && !hasNone) return null;
    const connection = place.create(this);
    this.#connections.add(connection);
    account.connections++;
    place.connections++;
    return connection;
  }

  #drop(connection: Connection): void {
    const { account, place } = this;
    this.#connections.delete(connection);
    account.connections--;
    place.connections--;
    if (account.idle.delete(connection)) {
      place.idle.delete(connection);
      const at = this.#idle.indexOf(connection);
      if (at !== -1) this.#idle.splice(at, 1);
    }
    const closing = connection.close();
    account.closing.add(closing);
    void closing.then(() => account.closing.delete(closing));
  }

  /** Something has become free: here, and wherever else calls of this session waited for the session's own share. */
  #offer(): void {
    this.place.serveSoon();
    if (this.account.waiting > 0) for (const place of this.account.shares.keys()) place.serveSoon();
  }

  #leaveIfEmpty(): void {
    if (this.#connections.size > 0 || this.#waiting.size > 0) return;
    this.account.shares.delete(this.place);
    this.place.shares.delete(this);
    if (this.place.shares.size === 0) this.place.onEmpty();
  }
}

/** Makes room for a connection: of those that nobody uses, the one that has been idle longest. */
function discardOldest<Connection extends Pooled>(idle: ReadonlyMap<Connection, Share<Connection>>): boolean {
  for (const [connection, share] of idle) {
    share.discard(connection);
    return true;
  }
  return false;
}
