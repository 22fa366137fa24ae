import { type AllowList, isAllowed } from "./allow.js";
import { fixFor, refusal } from "./refuse.js";

const { apply, construct } = Reflect;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { "http:": 80, "ws:": 80, "https:": 443, "wss:": 443 };
const INLINE = new Set(["data:", "blob:"]);

/**
 * Makes the globals say at once what their sockets would be refused with, instead of "fetch failed". They stay replaceable,
 * since instrumentation replaces them: what holds is the socket.
 */
export function explainGlobals({ tcp }: AllowList): void {
  const assertAllowed = (what: string, input: unknown): void => {
    const text = input instanceof Request ? input.url : String(input);
    if (!URL.canParse(text)) return;
    const { protocol, hostname, port } = new URL(text);
    const number = port === "" ? DEFAULT_PORTS[protocol] : Number(port);
    const host = hostname.replace(/^\[|\]$/g, "");
    if (INLINE.has(protocol) || isAllowed(tcp, host, number)) return;
    throw refusal(`${what} to ${host}:${number}`, fixFor(`${hostname}:${number}`));
  };
  const { fetch } = globalThis;
  globalThis.fetch = async (input, init) => {
    assertAllowed("The global fetch", input);
    return await apply(fetch, globalThis, [input, init]);
  };
  for (const name of ["WebSocket", "EventSource"] as const) {
    const original = (globalThis as Record<string, unknown>)[name];
    if (typeof original !== "function") continue;
    (globalThis as Record<string, unknown>)[name] = new Proxy(original, {
      construct: (target, given: unknown[], newTarget) => {
        assertAllowed(`A ${name}`, given[0]);
        return construct(target, given, newTarget) as object;
      },
    });
  }
}
