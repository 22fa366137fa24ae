import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { staticSecret } from "../../../src/broker/index.js";
import { findGuardError, type GuardOptions, type OnDeny, type PolicyDocument } from "../../../src/index.js";
import { testGuard } from "../../support/guards.js";
import { type Answer, startVendor, type Vendor } from "./vendor.js";

type Fetch = typeof globalThis.fetch;
type Rule = PolicyDocument["rules"][number];

/** What an operation needs: a fetch to give to its client, and where the service is. */
export interface Use {
  readonly fetch: Fetch;
  readonly origin: string;
  /** False where the client's own retries are to be off, by the client's own setting. */
  readonly retries: boolean;
  /** To be called with the first part of a stream in hand. */
  readonly seen: () => void;
}

/** Uses the client as its users do; answers with what they see. */
export type Operation = (use: Use) => Promise<unknown>;

/** A client, the service it was written for, and what it is used for here. */
export interface ClientUnderTest {
  readonly answer: Answer;
  readonly call: Operation;
  readonly stream?: Operation;
  readonly upload?: Operation;
  /** An operation whose first answer is a redirect. */
  readonly redirect?: Operation;
  readonly denied: {
    /** What this client is given, and how often it then calls fetch. */
    readonly onDeny: OnDeny;
    /** A client that reports refusals in its result instead of throwing. */
    readonly resolves?: true;
  };
  /** Calls one approval is asked for. Default: `call`. */
  readonly approved?: Operation;
  /** What must be allowed so that the client gets as far as the call in question. */
  readonly rules?: readonly Rule[];
  readonly service?: Partial<PolicyDocument["services"][string]>;
  readonly masking?: GuardOptions["masking"];
  /** What the rules of refused and approved calls are about. Default: everything. */
  readonly subject?: Partial<Rule>;
}

const SECRET = "the-guards-own-credential";
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD"];

let vendor: Vendor;

/** The contract of every client: what it does with a bare fetch, it does through the guard; and it understands a no. */
export function describeClient(name: string, client: ClientUnderTest): void {
  describe(name, () => {
    beforeEach(async () => {
      vendor = await startVendor(client.answer);
    });
    afterEach(() => vendor.close());

    it("gets what it gets from a bare fetch, and the service gets what it got from it", () =>
      same(client, client.call));
    if (client.stream !== undefined) {
      const { stream } = client;
      it("streams: the first part is there before the second is sent", () => same(client, stream));
    }
    if (client.upload !== undefined) {
      const { upload } = client;
      it("uploads", () => same(client, upload));
    }
    if (client.redirect !== undefined) {
      const { redirect } = client;
      it("is redirected as by a bare fetch", () => same(client, redirect));
    }
    it("understands a denial as a response, and does not try again", () => understandsDenial(client));
    it("keeps a denial that is thrown where findGuardError finds it", () => keepsDenial(client));
    it("is told to wait while a person is asked, and gets through once they said yes", () => waitsForApproval(client));
  });
}

async function same(client: ClientUnderTest, operation: Operation): Promise<void> {
  const bare = await observe(operation, globalThis.fetch);
  const { session } = await guardWith(client, [subjectRule(client, "allow")]);
  const guarded = await observe(operation, session.fetch);
  expect(guarded.outcome).toEqual(bare.outcome);
  expect(guarded.asked).toEqual(bare.asked);
  expect(new Set(guarded.credentials)).toEqual(new Set([`Bearer ${SECRET}`]));
}

async function understandsDenial(client: ClientUnderTest): Promise<void> {
  const { onDeny, resolves } = client.denied;
  const { session } = await guardWith(client, []);
  const { fetch, refusals } = counted(session.createFetch({ onDeny }));
  const outcome = await outcomeOf(client.call, fetch, true);
  expect(outcome.threw).toBe(resolves !== true);
  expect(findGuardError(outcome.value)).toMatchObject({ code: "NO_RULE" });
  expect(refusals()).toBe(1);
  expect(subjectRequests(client)).toEqual([]);
}

async function keepsDenial(client: ClientUnderTest): Promise<void> {
  const { session } = await guardWith(client, []);
  const { fetch, refusals } = counted(session.fetch);
  const outcome = await outcomeOf(client.call, fetch, false);
  expect(outcome.threw).toBe(true);
  expect(findGuardError(outcome.value)).toMatchObject({ code: "NO_RULE", name: "DeniedError" });
  expect(refusals()).toBe(1);
  expect(subjectRequests(client)).toEqual([]);
}

async function waitsForApproval(client: ClientUnderTest): Promise<void> {
  const { onDeny } = client.denied;
  const operation = client.approved ?? client.call;
  const bare = await observe(operation, globalThis.fetch);
  const { guard, session } = await guardWith(client, [subjectRule(client, "approve")]);
  const pending = await outcomeOf(operation, session.createFetch({ onDeny }), true);
  const [question, ...others] = await guard.approvals.list({ state: "pending" });
  expect(others).toEqual([]);
  expect(question).toBeDefined();
  expect(findGuardError(pending.value)).toMatchObject({ code: "APPROVAL_PENDING", approvalId: question?.id });
  expect(subjectRequests(client)).toEqual([]);
  await guard.approvals.decide({
    approvalId: question?.id ?? "",
    fingerprint: question?.fingerprint ?? "",
    verdict: "approve",
    by: { id: "boss", idp: "directory" },
    at: new Date().toISOString(),
    nonce: "n-1",
  });
  const retried = await observe(operation, session.createFetch({ onDeny }));
  expect(retried.outcome).toEqual(bare.outcome);
  expect(retried.asked).toEqual(bare.asked);
}

const subjectRule = ({ subject }: ClientUnderTest, effect: "allow" | "approve"): Rule =>
  ({ id: effect, effect, service: "vendor", ...(subject ?? { methods: METHODS, path: "/**" }) }) as Rule;

/** What reached the service of the call in question; what a client needs before it may be sent. */
function subjectRequests({ rules = [] }: ClientUnderTest): readonly string[] {
  const received = vendor.received.map(({ method, path, body }) => `${method} ${path} ${body.subarray(0, 200)}`);
  return rules.length === 0 ? received : received.filter((line) => line.includes("tools/call"));
}

async function guardWith(client: ClientUnderTest, rules: readonly Rule[]) {
  return await testGuard({
    policy: {
      version: 1,
      services: {
        vendor: { origins: [vendor.origin], addresses: ["127.0.0.0/8"], credential: "vendor", ...client.service },
      },
      rules: [...(client.rules ?? []), ...rules],
    },
    ...(client.masking === undefined ? {} : { masking: client.masking }),
    credentials: { vendor: staticSecret({ scheme: "bearer", secret: SECRET }) },
    approvals: { waitMs: 0, request: () => Promise.resolve({ kind: "pending" }) },
  });
}

interface Outcome {
  readonly threw: boolean;
  readonly value: unknown;
}

const outcomeOf = (operation: Operation, fetch: Fetch, retries: boolean): Promise<Outcome> =>
  operation({ fetch, origin: vendor.origin, retries, seen: vendor.seen }).then(
    (value) => ({ threw: false, value }),
    (value: unknown) => ({ threw: true, value }),
  );

/** What the client's user saw and what the service saw. */
async function observe(operation: Operation, fetch: Fetch) {
  vendor.received.length = 0;
  const { threw, value } = await outcomeOf(operation, fetch, false);
  const received = vendor.received.splice(0);
  return {
    outcome: threw ? { threw, value: String(value) } : { threw, value },
    asked: received.map((request) => {
      const boundary = /boundary=(\S+)/.exec(request.headers["content-type"] ?? "")?.[1];
      const plain = (text: string): string => (boundary === undefined ? text : text.replaceAll(boundary, "BOUNDARY"));
      return {
        line: `${request.method} ${request.url.pathname}${request.url.search}`,
        headers: JSON.parse(plain(JSON.stringify(comparable(request.headers)))) as unknown,
        body: plain(request.body.toString("latin1")),
      };
    }),
    credentials: received.map(({ headers }) => headers.authorization),
  };
}

/** The platform's own, how the body is framed, the credential that the guard replaces, and what differs from call to call. */
const NOT_COMPARED = new Set([
  "accept-encoding",
  "accept-language",
  "authorization",
  "cache-control",
  "connection",
  "content-length",
  "host",
  "idempotency-key",
  "keep-alive",
  "last-event-id",
  "mcp-session-id",
  "pragma",
  "sec-fetch-mode",
  "transfer-encoding",
  "x-stripe-client-telemetry",
]);
const PLATFORM_AGENT = /^(?:node|undici|sallyport)$/;

const comparable = (headers: object): unknown =>
  Object.fromEntries(
    Object.entries(headers).filter(
      ([name, value]) => !NOT_COMPARED.has(name) && !(name === "user-agent" && PLATFORM_AGENT.test(value as string)),
    ),
  );

/** Counts the calls that were refused. Has the properties of the fetch it stands before. */
function counted(fetch: Fetch): { readonly fetch: Fetch; readonly refusals: () => number } {
  let refused = 0;
  const counting = async (...call: Parameters<Fetch>): Promise<Response> => {
    try {
      const response = await fetch(...call);
      if (response.headers.has("x-sallyport-code")) refused++;
      return response;
    } catch (error) {
      if (findGuardError(error) !== undefined) refused++;
      throw error;
    }
  };
  return { fetch: Object.assign(counting, fetch), refusals: () => refused };
}
