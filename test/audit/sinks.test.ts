import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import pino from "pino";
import { describe, expect, onTestFinished, test } from "vitest";
import {
  type AuditSink,
  callbackSink,
  openTelemetrySink,
  pinoSink,
  type RecordedLine,
  webhookSink,
} from "../../src/audit/index.js";
import { systemClock } from "../../src/clock.js";
import { fakeClock } from "../support/fake-clock.js";
import { completed, denied, intent, linesOf, openedLog } from "./support.js";

const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Delivery {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** A server that answers with the given statuses in turn, the last one for ever. */
async function hookServer(...statuses: number[]): Promise<{ readonly url: string; readonly deliveries: Delivery[] }> {
  const deliveries: Delivery[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => {
      body += chunk.toString();
    });
    request.on("end", () => {
      deliveries.push({ headers: request.headers, body });
      response.statusCode = statuses[Math.min(deliveries.length, statuses.length) - 1] ?? 200;
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => void server.close());
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, deliveries };
}

test("a sink gets every line, in order and to the byte, after the file has it", async () => {
  const got: RecordedLine[] = [];
  const { log, session, segment, ledger } = await openedLog({ sinks: [callbackSink((line) => void got.push(line))] });
  session.append(intent("r1"));
  session.append(completed("r1"));
  // Not a moment before the caller has gone on.
  expect(got.map(({ event }) => event.type)).not.toContain("request.intent");
  await log.close();
  const all = [...linesOf(ledger), ...linesOf(segment)];
  expect(got).toHaveLength(all.length);
  expect(got.map(({ event }) => event.id).sort()).toEqual(all.map(({ id }) => id).sort());
  expect(got.every(({ line, event }) => line === JSON.stringify(event))).toBe(true);
});

describe("a sink that misbehaves", () => {
  const bad: readonly [string, () => AuditSink][] = [
    [
      "throws",
      () =>
        callbackSink(() => {
          throw new Error("no");
        }),
    ],
    ["rejects", () => callbackSink(() => Promise.reject(new Error("no")))],
    ["hangs", () => callbackSink(() => new Promise(() => {}))],
  ];
  test.each(bad)("and %s holds nothing up, and no other sink", async (_name, sink) => {
    const clock = fakeClock();
    const got: string[] = [];
    const good = callbackSink(({ event }) => void got.push(event.type));
    const { log, session, segment } = await openedLog({ sinks: [sink(), good], clock });
    for (let count = 0; count < 100; count++) session.append(intent(`r${count}`));
    await settle();
    await settle();
    expect(got.filter((type) => type === "request.intent")).toHaveLength(100);
    const closed = log.close();
    await clock.advance(5_000);
    await closed;
    expect(linesOf(segment).at(-2)).toMatchObject({ type: "session.closed" });
  });

  test("and is slow loses the oldest lines, not memory", async () => {
    let given = 0;
    const sink: AuditSink = { name: "slow", write: () => new Promise(() => {}), givenUp: () => void given++ };
    const clock = fakeClock();
    const { log, session } = await openedLog({ sinks: [sink], clock });
    for (let count = 0; count < 6000; count++) session.append(intent(`r${count}`));
    expect(given).toBeGreaterThan(2000);
    const closed = log.close();
    await clock.advance(5_000);
    await closed;
    expect(given).toBeGreaterThan(6000);
  });
});

describe("72: a webhook", () => {
  const secret = "a-secret-of-at-least-24-bytes";

  test("is signed, so that a receiver can check it and refuse a replay", async () => {
    const { url, deliveries } = await hookServer(200);
    const sink = webhookSink(url, { secret, types: ["request.denied"] });
    const { log, session, segment } = await openedLog({ sinks: [sink], clock: systemClock });
    session.append(intent("r0"));
    session.append(denied("r1"));
    await log.close();
    expect(deliveries).toHaveLength(1);
    const [{ headers, body }] = deliveries as [Delivery];
    const id = String(headers["webhook-id"]);
    const timestamp = String(headers["webhook-timestamp"]);
    expect(linesOf(segment).find((line) => line["id"] === id)).toMatchObject({ type: "request.denied" });
    const expected = createHmac("sha256", secret).update(`${id}.${timestamp}.${body}`).digest("base64");
    expect(headers["webhook-signature"]).toBe(`v1,${expected}`);
    expect(Math.abs(Number(timestamp) * 1000 - Date.now())).toBeLessThan(60_000);
  });

  test("that answers 500 is tried again, with the same id", async () => {
    const { url, deliveries } = await hookServer(500, 503, 204);
    const dead: RecordedLine[] = [];
    const sink = webhookSink(url, { secret, types: ["request.denied"], deadLetter: (line) => void dead.push(line) });
    const { log, session } = await openedLog({ sinks: [sink], clock: systemClock });
    session.append(denied("r1"));
    await log.close();
    expect(deliveries).toHaveLength(3);
    expect(new Set(deliveries.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
    expect(dead).toEqual([]);
  });

  test("that never takes it leads to the dead letters", async () => {
    const { url, deliveries } = await hookServer(500);
    const dead: RecordedLine[] = [];
    const sink = webhookSink(url, {
      secret,
      attempts: 2,
      types: ["request.denied"],
      deadLetter: (line) => void dead.push(line),
    });
    const { log, session } = await openedLog({ sinks: [sink], clock: systemClock });
    session.append(denied("r1"));
    await log.close();
    expect(deliveries).toHaveLength(2);
    expect(dead.map(({ event }) => event.type)).toEqual(["request.denied"]);
  });

  test("with a short secret or a broken URL is refused at once", () => {
    expect(() => webhookSink("nowhere", { secret: "short", attempts: 0 })).toThrow(
      expect.objectContaining({ problems: [expect.anything(), expect.anything(), expect.anything()] }),
    );
  });
});

test("pino gets events with their type, refusals as warnings", async () => {
  const written: Record<string, unknown>[] = [];
  const logger = pino({ level: "info" }, { write: (line: string) => void written.push(JSON.parse(line)) });
  const { log, session } = await openedLog({ sinks: [pinoSink(logger)] });
  session.append(intent("r1"));
  session.append(denied("r2"));
  await log.close();
  expect(written.find(({ msg }) => msg === "request.intent")).toMatchObject({ level: 30, audit: { request_id: "r1" } });
  expect(written.find(({ msg }) => msg === "request.denied")).toMatchObject({ level: 40, audit: { request_id: "r2" } });
});

test("OpenTelemetry gets a log record for each line, and a client span for each request", async () => {
  const records: { readonly eventName: string; readonly attributes: object }[] = [];
  const spans: { name: string; kind: number; attributes: object; status?: number; start: number; end?: number }[] = [];
  const sink = openTelemetrySink({
    logger: { emit: (record) => void records.push(record) },
    tracer: {
      startSpan(name, { kind, startTime, attributes }) {
        const span: (typeof spans)[number] = { name, kind, attributes, start: startTime };
        spans.push(span);
        return {
          setStatus: ({ code }) => {
            span.status = code;
          },
          end: (time) => {
            span.end = time;
          },
        };
      },
    },
  });
  const { log, session } = await openedLog({ sinks: [sink] });
  session.append(intent("r1"));
  session.append(completed("r1"));
  session.append({ ...denied("r2") });
  await log.close();
  expect(records.map(({ eventName }) => eventName)).toContain("sallyport.request.denied");
  expect(spans).toHaveLength(1);
  expect(spans[0]).toMatchObject({
    name: "GET crm.example",
    kind: 2,
    attributes: {
      "http.request.method": "GET",
      "http.response.status_code": 200,
      "url.full": "https://crm.example/api/v1/accounts/42",
      "gen_ai.agent.id": "billing-bot",
      "enduser.id": "ada",
      "session.id": "s1",
      "http.request.resend_count": 0,
    },
  });
  expect(Number(spans[0]?.end) - Number(spans[0]?.start)).toBe(12);
});
