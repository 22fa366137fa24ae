import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";

/** Where code may go beside the guard: databases, a metrics collector. Hosts are compared as text, in lower case. */
export interface AllowList {
  readonly tcp: readonly Place[];
  readonly udp: readonly Place[];
  /** Paths of Unix sockets and named pipes. */
  readonly paths: readonly string[];
}

interface Place {
  readonly host: string;
  /** Null is every port. */
  readonly port: number | null;
}

const ENTRY = /^(udp:)?(\[[0-9a-f:.]+\]|[a-z0-9._-]+):(\d{1,5}|\*)$/;

/**
 * Reads `db.internal:5432, [::1]:6379, udp:127.0.0.1:8125, unix:/run/pg.sock`. `*` as a port is every port.
 *
 * @throws OptionsError listing every entry that cannot be read: a misspelt list must not be a shorter one.
 */
export function readAllowList(text: string): AllowList {
  const list = { tcp: [] as Place[], udp: [] as Place[], paths: [] as string[] };
  const problems: ConfigurationProblem[] = [];
  for (const entry of text.split(",").map((one) => one.trim())) {
    if (entry === "") continue;
    if (entry.startsWith("unix:/")) {
      list.paths.push(entry.slice(5));
      continue;
    }
    const [, udp, host = "", port = ""] = ENTRY.exec(entry.toLowerCase()) ?? [];
    if (host === "" || Number(port) > 65_535) {
      problems.push({
        pointer: "/SALLYPORT_LOCKDOWN_ALLOW",
        message: `"${entry}" is not host:port, udp:host:port or unix:/path`,
      });
      continue;
    }
    const place = { host: host.replace(/^\[|\]$/g, ""), port: port === "*" ? null : Number(port) };
    (udp === undefined ? list.tcp : list.udp).push(place);
  }
  if (problems.length > 0) throw new OptionsError(problems);
  return list;
}

// Taken at load: a `toLowerCase` that is replaced later must not turn one host into another.
const { apply } = Reflect;
const { toLowerCase } = String.prototype;

/** Whether a place is on a list. Asked about a host as it will be dialled; anything but text and a number is on none. */
export function isAllowed(places: readonly Place[], host: unknown, port: unknown): boolean {
  if (typeof host !== "string" || typeof port !== "number") return false;
  const lower = apply(toLowerCase, host, []) as string;
  for (let at = 0; at < places.length; at++) {
    const place = places[at];
    if (place !== undefined && place.host === lower && (place.port === null || place.port === port)) return true;
  }
  return false;
}

/** Whether a path, or a host by its name alone, is on the list. */
export function isListed(list: readonly string[], text: unknown): boolean {
  for (let at = 0; at < list.length; at++) if (list[at] === text) return true;
  return false;
}
