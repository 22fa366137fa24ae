import { appendFile } from "node:fs/promises";
import { anyText, callable, dictionary, object, requireText, type Shape } from "../../shapes/index.js";
import { readTarget } from "../sinks/target.js";
import type { AnchorSink } from "./anchor.js";

/** Appends signed heads to a file, best on another machine's disk: what `audit verify --anchor` reads. */
export function fileAnchor(path: string): AnchorSink {
  requireText(path, "path");
  return {
    name: path,
    publish: (note) => appendFile(path, `${note}\n`, { mode: 0o600 }),
  };
}

/** How {@link httpAnchor} sends. */
export interface HttpAnchorOptions {
  /** Added to each request, e.g. an authorization. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the global one. */
  readonly fetch?: typeof globalThis.fetch;
}

const OPTIONS: Shape<HttpAnchorOptions> = object<HttpAnchorOptions>({
  headers: dictionary(anyText()),
  fetch: callable(),
});

/** Posts each signed head, as `text/plain`, to a URL; any 2xx answer means that it is kept. Redirects are not followed. */
export function httpAnchor(url: string | URL, options: HttpAnchorOptions = {}): AnchorSink {
  const read = readTarget(url, options, OPTIONS);
  const { target } = read;
  const { fetch: send, headers } = read.options;
  return {
    name: target.origin + target.pathname,
    async publish(note, { signal }) {
      const response = await (send ?? globalThis.fetch)(target, {
        method: "POST",
        headers: { "content-type": "text/plain; charset=utf-8", ...headers },
        body: note,
        redirect: "error",
        signal,
      });
      await response.body?.cancel();
      if (!response.ok) throw new Error(`status ${response.status}`);
    },
  };
}
