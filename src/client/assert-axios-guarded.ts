import { type ConfigurationProblem, OptionsError } from "../errors/guard-error.js";
import { isGuarded } from "./guarded-function.js";

/** What is looked at of an axios instance. */
export interface AxiosLike {
  readonly defaults: { readonly adapter?: unknown; readonly env?: unknown };
}

/**
 * Checks, at start-up, that an axios instance goes through the guard. By default it does not: in Node its adapter is `http`,
 * which opens sockets of its own and ignores `env.fetch`, so that every request would pass beside the policy and the record.
 * Does not see a single call that names another adapter; `sallyport/lockdown` does.
 *
 * @throws OptionsError with what is wrong and how it is made right.
 */
export function assertAxiosGuarded(axios: AxiosLike): void {
  const defaults: AxiosLike["defaults"] | undefined = axios?.defaults;
  if (typeof defaults !== "object" || defaults === null) throw new TypeError("this is not an axios instance");
  const problems: ConfigurationProblem[] = [];
  const fix = 'make it with axios.create({ adapter: "fetch", env: { fetch: session.fetch } })';
  const { adapter, env } = defaults;
  if (adapter !== "fetch" && !(Array.isArray(adapter) && adapter.length === 1 && adapter[0] === "fetch")) {
    problems.push({ pointer: "/adapter", message: `would bypass the guard: only "fetch" calls a fetch; ${fix}` });
  }
  const fetch: unknown = typeof env === "object" && env !== null && "fetch" in env ? env.fetch : undefined;
  if (!isGuarded(fetch)) problems.push({ pointer: "/env/fetch", message: `is not a session's fetch; ${fix}` });
  if (problems.length > 0) throw new OptionsError(problems);
}
