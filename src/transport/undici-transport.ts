import type { SessionConnections } from "./connections/session-connections.js";
import type { SharedConnections } from "./connections/shared-connections.js";
import { ACCEPTED } from "./decode.js";
import { faultOf, networkFault } from "./faults.js";
import { type Passage, requestPassage } from "./passage.js";
import { refused, unsent } from "./refuse.js";
import type { Connections, Transport } from "./transport.js";
import { checkTransportOptions, type TransportSettings, type UndiciTransportOptions } from "./transport-options.js";

/**
 * The transport that is meant for real use: undici's connections under our own check of every address, shared out between
 * sessions, and none of its fetch.
 *
 * @throws OptionsError listing every wrong option.
 */
export const createUndiciTransport = (
  options: UndiciTransportOptions = {},
  passage: Passage = requestPassage(),
): Transport => openUndiciTransport(checkTransportOptions(options), passage);

/** The same, of options that were checked. */
export function openUndiciTransport(settings: TransportSettings, passage: Passage = requestPassage()): Transport {
  let shared: SharedConnections | undefined;
  let isClosed = false;

  // undici takes longer to load than everything else together: not at import, but from now on.
  const loading = load(settings, passage).then((loaded) => {
    shared = loaded;
    return loaded;
  });
  loading.catch(() => {}); // reported by the first call instead

  return {
    kind: "undici",
    codings: ACCEPTED,
    connections(): Connections {
      let own: SessionConnections | undefined;
      let isOver = false;
      const send: Connections["send"] = (hop, options) => {
        if (isClosed || isOver) return unsent(hop, refused(isClosed ? "GUARD_CLOSED" : "SESSION_CLOSED", hop));
        if (shared === undefined)
          return loading.then(
            () => send(hop, options),
            (error: unknown) => {
              options.sending.failed(faultOf(error));
              return unsent(hop, networkFault(error));
            },
          );
        own ??= shared.open();
        return own.send(hop, options);
      };
      return {
        send,
        async close() {
          isOver = true;
          await own?.close();
        },
      };
    },
    async close() {
      isClosed = true;
      await (await loading).destroy();
    },
  };
}

async function load(settings: TransportSettings, passage: Passage): Promise<SharedConnections> {
  const { createSharedConnections } = await import("./connections/shared-connections.js");
  return createSharedConnections(settings, passage);
}
