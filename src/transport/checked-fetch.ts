import { type AddressRule, compileAddressRule } from "../request/address.js";
import type { PlainFetch } from "./bounded-fetch.js";
import { ACCEPTED } from "./decode.js";
import { requestPassage } from "./passage.js";
import { buildResponse } from "./response.js";
import { Sending } from "./sending.js";
import type { Connections, Transport } from "./transport.js";
import { createUndiciTransport } from "./undici-transport.js";

/** Where a server of the operator's choice may be. */
export interface CheckedFetchRules {
  /** Where names may resolve (CIDR), and nowhere else. Default: public addresses. */
  readonly addresses?: readonly string[] | undefined;
  /** PEM certificates of the authorities that vouch for it, and no others. Default: those that Node trusts. */
  readonly ca?: string | readonly string[] | undefined;
  /** Whether loopback addresses may be connected to, besides. Default false. */
  readonly allowInsecure?: boolean | undefined;
}

/** A fetch that connects to checked addresses only: a name cannot be made to point elsewhere between check and connect. */
export interface CheckedFetch {
  readonly fetch: PlainFetch;
  close(): Promise<void>;
}

const LOOPBACK = compileAddressRule(["127.0.0.0/8", "::1/128"]);

/** The name of the one service that such a fetch knows. */
const SERVER = "server";

/** Makes one. Nothing is loaded before the first call. `addresses` must be ranges, and `ca` certificates. */
export function createCheckedFetch({ addresses, ca, allowInsecure = false }: CheckedFetchRules): CheckedFetch {
  const listed = compileAddressRule(addresses);
  const rule: AddressRule = (ip) => {
    const verdict = listed(ip);
    return !verdict.ok && allowInsecure && LOOPBACK(ip).ok ? { ok: true } : verdict;
  };
  const passage = requestPassage(); // now: the first call may come when none is given any more
  let transport: Transport | undefined;
  // Of all sessions. A request with a body is the last one on its connection, and no other holds anything of a session.
  let connections: Connections | undefined;
  return {
    async fetch(url, { method, headers, body, signal }) {
      const { href, origin, pathname, search } = new URL(url);
      transport ??= createUndiciTransport(ca === undefined ? {} : { services: { [SERVER]: { tls: { ca } } } }, passage);
      connections ??= transport.connections();
      const hop = {
        service: SERVER,
        method,
        url: href,
        origin,
        path: pathname + search,
        headers: Object.entries({ "accept-encoding": ACCEPTED.https, "user-agent": "sallyport", ...headers }),
        body: body === undefined ? null : new TextEncoder().encode(body),
        addresses: rule,
        // Of its own: `Object.prototype` must not be asked, with the request in hand.
        objection: undefined,
        reuse: false,
      };
      const answer = await connections.send(hop, { signal, sending: new Sending() });
      return buildResponse({
        status: answer.status,
        statusText: answer.statusText,
        headers: answer.headers,
        url: href,
        redirected: false,
        body: answer.body,
      });
    },
    async close() {
      await transport?.close();
    },
  };
}
