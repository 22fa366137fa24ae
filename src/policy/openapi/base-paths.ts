import { canonicalUrl } from "../../request/url.js";
import { isNode, listAt, type Node, nodeAt, type Report } from "./reading.js";

/**
 * The paths that an operation's own path is appended to, from the innermost `servers`: those that are relative, or at an
 * origin of the service. A description whose servers are all elsewhere is another service's.
 */
export function basePaths(levels: readonly Node[], origins: readonly string[], report: Report): readonly string[] {
  const servers = levels.map((level) => listAt(level, "servers")).find((list) => list.length > 0);
  if (servers === undefined) return [""];
  const bases = servers.flatMap((server) => (isNode(server) ? baseOf(server, origins) : []));
  if (bases.length > 0) return [...new Set(bases)];
  report("/servers", "none of its servers is at an origin of the service");
  return [];
}

function baseOf(server: Node, origins: readonly string[]): readonly string[] {
  const variables = nodeAt(server, "variables");
  const url = String(server["url"] ?? "/").replace(/\{([^{}]+)\}/g, (text, name: string) => {
    const standard = nodeAt(variables, name)["default"];
    return typeof standard === "string" ? standard : text;
  });
  if (/[{}?#]/.test(url)) return [];
  if (url.startsWith("/") && !url.startsWith("//")) return [url.replace(/\/+$/, "")];
  if (!/^https?:\/\//i.test(url))
    return /^[.\w]/.test(url) && !url.includes(":") ? [`/${url}`.replace(/\/+$/, "")] : [];
  const canonical = canonicalUrl(url);
  return canonical.ok && origins.some((origin) => isAt(origin, canonical.origin))
    ? [canonical.path.replace(/\/+$/, "")]
    : [];
}

const isAt = (origin: string, actual: string): boolean =>
  origin === actual || (origin.includes("//*.") && actual.endsWith(origin.slice(origin.indexOf("//*.") + 3)));
