import { CredentialError } from "../credential-error.js";

/** What is asked of GitHub, as it goes into the body. */
export interface GithubAsk {
  readonly permissions: Readonly<Record<string, string>>;
  readonly repositories?: readonly string[];
}

/** `write` brings `read`, `admin` brings both; that is GitHub's order, and no other level is known to us. */
const LEVELS = ["read", "write", "admin"];
const PERMISSION = /^([a-z][a-z_]{0,63}):(read|write|admin)$/;
const REPOSITORY = /^repository:([\w.-]{1,100})$/;

/** Reads scopes as permissions and repositories. `allowed` is what repositories may be named at all. */
export function askFor(scopes: readonly string[], allowed: readonly string[] | undefined): GithubAsk {
  const permissions = new Map<string, string>();
  const named: string[] = [];
  for (const scope of scopes) {
    const [, permission, level] = PERMISSION.exec(scope) ?? [];
    const [, repository] = REPOSITORY.exec(scope) ?? [];
    if (repository !== undefined) named.push(repository);
    else if (permission === undefined || level === undefined) throw refusal("knows no such scope as one of the rule's");
    else if (isMore(level, permissions.get(permission))) permissions.set(permission, level);
  }
  if (permissions.size === 0) throw refusal("gives no token without a permission in the rule's scopes");
  if (named.some((name) => allowed !== undefined && !allowed.includes(name))) {
    throw refusal("may not be asked for a repository that is not in the option `repositories`");
  }
  const repositories = named.length > 0 ? named : allowed;
  return {
    permissions: Object.fromEntries(permissions),
    ...(repositories === undefined ? {} : { repositories: [...repositories] }),
  };
}

const isMore = (level: unknown, than: string | undefined): boolean =>
  !LEVELS.includes(String(level)) || LEVELS.indexOf(String(level)) > LEVELS.indexOf(than ?? "");

/**
 * Those of the scopes that were granted, or undefined where more was. Every app may read metadata; GitHub adds that to
 * each token.
 */
export function grantedScopes(
  body: Readonly<Record<string, unknown>>,
  asked: GithubAsk,
  scopes: readonly string[],
): readonly string[] | undefined {
  const { permissions, repositories, repository_selection: selection } = body;
  if (typeof permissions !== "object" || permissions === null) return undefined;
  const granted = new Map<string, unknown>(Object.entries(permissions));
  for (const [name, level] of granted) {
    const wanted = asked.permissions[name] ?? (name === "metadata" ? "read" : undefined);
    if (isMore(level, wanted)) return undefined;
  }
  const names = Array.isArray(repositories) ? repositories.map((one: { name?: unknown } | null) => one?.name) : [];
  if (asked.repositories !== undefined) {
    if (selection !== "selected" || names.length === 0) return undefined;
    const wanted = new Set(asked.repositories.map(folded));
    if (names.some((name) => !wanted.has(folded(name)))) return undefined;
  }
  return scopes.filter((scope) => {
    const [, permission = "", level] = PERMISSION.exec(scope) ?? [];
    const [, repository] = REPOSITORY.exec(scope) ?? [];
    return repository === undefined
      ? !isMore(level, granted.get(permission) as string | undefined)
      : names.some((name) => folded(name) === folded(repository));
  });
}

/** Names of repositories are ASCII, and the same in any case; GitHub answers with the case in which they were made. */
const folded = (name: unknown): string => String(name).toLowerCase();

const refusal = (what: string): CredentialError =>
  new CredentialError("misconfigured", { message: `The GitHub App provider ${what}.` });
