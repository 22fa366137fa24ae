import type { Socket } from "node:net";
import { describe, expect, it } from "vitest";
import type { Connections } from "../../src/transport/index.js";
import { toLoopback } from "./secure.js";
import { calm, errorOf, hop, rawUpstream, readAll, transport, under, until } from "./support.js";

/** A call that comes to a halt in one phase, for good. */
interface Halted {
  readonly sender: Connections;
  readonly url: string;
  /** Whether the phase has been reached. */
  readonly reached: () => boolean;
  /** Everything a peer was sent. */
  readonly heard: () => string;
}

type Limits = {
  readonly connectTimeoutMs?: number;
  readonly headersTimeoutMs?: number;
  readonly bodyTimeoutMs?: number;
};

/** A server that notes what it is sent, and says at most this. */
async function silent(says = "") {
  const heard: Buffer[] = [];
  const { port } = await rawUpstream((socket: Socket) => {
    socket.on("data", (chunk) => heard.push(chunk));
    if (says !== "") socket.once("data", () => socket.write(says));
  });
  return { port, heard: () => Buffer.concat(heard).toString("latin1") };
}

const resolving = async (limits: Limits, proxy?: string): Promise<Halted> => {
  let asked = 0;
  const lookup = (): Promise<never> => {
    asked++;
    return new Promise(() => undefined);
  };
  const sender = transport({ lookup, ...limits, ...(proxy === undefined ? {} : { proxy: { url: proxy } }) });
  return { sender, url: "https://crm.example/", reached: () => asked > 0, heard: () => "" };
};

const answering = async (scheme: "http" | "https", limits: Limits, says = ""): Promise<Halted> => {
  const { port, heard } = await silent(says);
  const sender = transport({ lookup: toLoopback, ...limits });
  return { sender, url: `${scheme}://crm.example:${port}/secret`, reached: () => heard() !== "", heard };
};

const PHASES: readonly [string, (limits: Limits) => Promise<Halted>, keyof Limits, "no" | "maybe", string][] = [
  ["the name is resolved", (limits) => resolving(limits), "connectTimeoutMs", "no", "UND_ERR_CONNECT_TIMEOUT"],
  [
    "the name is resolved for a proxy",
    (limits) => resolving(limits, "http://127.0.0.1:9"),
    "connectTimeoutMs",
    "no",
    "UND_ERR_CONNECT_TIMEOUT",
  ],
  ["TLS is spoken", (limits) => answering("https", limits), "connectTimeoutMs", "no", "UND_ERR_CONNECT_TIMEOUT"],
  [
    "the answer is awaited",
    (limits) => answering("http", limits),
    "headersTimeoutMs",
    "maybe",
    "UND_ERR_HEADERS_TIMEOUT",
  ],
  [
    "the header is incomplete",
    (limits) => answering("http", limits, "HTTP/1.1 200 OK\r\nx-a"),
    "headersTimeoutMs",
    "maybe",
    "UND_ERR_HEADERS_TIMEOUT",
  ],
];

describe.each(PHASES)("while %s", (_phase, halt, limit, sent, code) => {
  it("a time-out ends the call", async () => {
    const { sender, url, heard } = await halt({ [limit]: 20 });
    const told = calm();
    const error = await errorOf(sender.send(hop(url), told));
    expect(error).toMatchObject({ name: "TypeError", message: "fetch failed", cause: { code } });
    expect(told.sending).toMatchObject({ mayHaveLeft: sent === "maybe", fault: { class: "TypeError", code } });
    expect(heard().includes("secret")).toBe(sent === "maybe");
  });

  it("an abort ends the call with its reason, and closing what is left waits for nobody", async () => {
    const { sender, url, reached } = await halt({});
    const controller = new AbortController();
    const told = under(controller.signal);
    const call = errorOf(sender.send(hop(url), told));
    await until(reached);
    const reason = new Error("enough");
    controller.abort(reason);
    expect(await call).toBe(reason);
    expect(told.sending).toMatchObject({ mayHaveLeft: sent === "maybe", fault: undefined });
    await sender.close();
  });
});

describe("while the body comes", () => {
  const BEGUN = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf";

  it("a time-out breaks it off", async () => {
    const { sender, url } = await answering("http", { bodyTimeoutMs: 20 }, BEGUN);
    const { body } = await sender.send(hop(url), calm());
    expect(await errorOf(readAll(body))).toMatchObject({
      name: "TypeError",
      message: "terminated",
      cause: { code: "UND_ERR_BODY_TIMEOUT" },
    });
  });

  it("an abort breaks it off with its reason", async () => {
    const { sender, url } = await answering("http", {}, BEGUN);
    const controller = new AbortController();
    const { body } = await sender.send(hop(url), under(controller.signal));
    const reason = new Error("enough");
    const reading = errorOf(readAll(body));
    controller.abort(reason);
    expect(await reading).toBe(reason);
  });
});
