import { onTestFinished } from "vitest";
import type { ApprovalRequest } from "../../src/approval/index.js";
import { findGuardError, type GuardOptions, type PolicyDocument } from "../../src/index.js";
import { loopbackPolicy, recordedEvents, type TestGuard, testGuard } from "../support/guards.js";
import { startUpstream, type Upstream } from "../support/upstream.js";

/** A guard before a service whose values the agent only gets as placeholders. */
export interface PlaceholderWorld extends TestGuard {
  readonly api: Upstream;
  /** What people were asked; all of it is approved. */
  readonly asked: ApprovalRequest[];
  /** The placeholder that stands for a text in a response of the service. */
  readonly tokenOf: (value: string) => Promise<string>;
  /** What came of a call: the code of the denial, or `sent`. */
  readonly outcome: (pathAndQuery: string, init?: RequestInit) => Promise<string>;
  /** The requests that arrived, but for those by which placeholders were had. */
  readonly arrived: () => Upstream["received"];
  /** Everything that the record, the approvals and the log hold, as text. */
  readonly told: () => string;
}

const VALUES = { id: "values", effect: "allow", service: "api", methods: ["PUT"], path: "/values" } as const;

export async function placeholderWorld(
  rules: PolicyDocument["rules"],
  service: Partial<PolicyDocument["services"][string]> = {},
  options: Partial<GuardOptions> = {},
  answer: Parameters<typeof startUpstream>[0] = (_, response) => response.end(),
): Promise<PlaceholderWorld> {
  const api = await startUpstream((request, response) => {
    if (!request.url.startsWith("/values")) return answer(request, response);
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ value: Buffer.from(request.body.toString(), "base64").toString() }));
  });
  onTestFinished(() => api.close());
  const asked: ApprovalRequest[] = [];
  const made = await testGuard({
    policy: loopbackPolicy(api.origin, [VALUES, ...rules], service),
    masking: { paths: ["/value"], strategies: { "/value": "tokenise", EMAIL: "tokenise" } },
    approvals: {
      request: async (question, control) => {
        asked.push(question);
        return control.approve({ id: "boss", idp: "directory" });
      },
    },
    ...options,
  });
  const { session } = made;
  return {
    ...made,
    api,
    asked,
    async tokenOf(value) {
      const body = Buffer.from(value).toString("base64"); // which hides it from every rule
      const response = await session.fetch(`${api.origin}/values`, { method: "PUT", body });
      return ((await response.json()) as { value: string }).value;
    },
    outcome: (pathAndQuery, init) =>
      session.fetch(api.origin + pathAndQuery, init).then(
        () => "sent",
        (error: unknown) => findGuardError(error)?.code ?? String(error),
      ),
    arrived: () => api.received.filter(({ url }) => !url.startsWith("/values")),
    told: () =>
      JSON.stringify([
        recordedEvents(made.directory).filter((event) => !JSON.stringify(event).includes("/values")),
        asked,
        made.log.lines,
      ]),
  };
}

export const post = (type: string, body: BodyInit, headers: Record<string, string> = {}): RequestInit => ({
  method: "POST",
  headers: { "content-type": type, ...headers },
  body,
});
export const json = (value: unknown, headers?: Record<string, string>): RequestInit =>
  post("application/json", typeof value === "string" ? value : JSON.stringify(value), headers);
export const form = (body: string): RequestInit => post("application/x-www-form-urlencoded", body);

/** A body that flows, cut at these places. */
export function flowing(type: string, body: string, ...cuts: readonly number[]): RequestInit {
  const bytes = Buffer.from(body);
  const pieces = [0, ...cuts].map((from, index) => bytes.subarray(from, cuts[index]));
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const piece = pieces.shift();
      if (piece === undefined) controller.close();
      else controller.enqueue(new Uint8Array(piece));
    },
  });
  return { method: "POST", headers: { "content-type": type }, body: stream, duplex: "half" } as RequestInit;
}
