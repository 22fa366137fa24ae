import { is, isWord, LETTER, latin1 } from "../bytes.js";
import { type Detector, NONE, type Probe, type Verdict } from "../probe.js";

const LONGEST_USERINFO = 256;
/** `mongodb+srv`, `postgresql+psycopg2` and the like. */
const LONGEST_SCHEME = 24;
const COLON = 0x3a;
const SLASH = 0x2f;
const AT = 0x40;

/** Databases, queues and caches: with a password in it, all of the address is a credential. */
const STORE =
  /^(?:postgres(?:ql)?|mysqlx?2?|mariadb|mongodb|redis(?:s)?|amqps?|mssql|sqlserver|oracle|cockroachdb|clickhouse|couchbase|neo4j|bolt|cassandra|influxdb|snowflake|redshift|db2|memcached|nats|mqtts?)(?:\+[a-z0-9]+)?$/;
const DRIVER =
  /^(?:mysql|mariadb|postgresql|oracle|sqlserver|sqlite|db2|h2|hsqldb|derby|jtds|redshift|snowflake|hive2|clickhouse|impala|presto|trino|teradata|sybase|informix|firebirdsql|sap|vertica|databricks|spark|awsathena|bigquery|cassandra|phoenix|ignite|neo4j|mongodb|singlestore|exasol|netezza|cockroachdb):/;

/** Where this stands for a password, what stands for the user is a token: docs.github.com/rest/authentication. */
const USER_IS_TOKEN = /^x-oauth-(?:basic|token)$/;

/** What an address is made of, where it stands in a text. */
const ADDRESS: Uint8Array = new Uint8Array(256).fill(1, 0x21, 0x7f);
for (const character of "\"'`<>\\,;{}|^") ADDRESS[character.charCodeAt(0)] = 0;

/** White space, quotes, `<`, `>`, `/`, `?`, `#`, brackets and the backslash. */
const ENDS_AUTHORITY: Uint8Array = new Uint8Array(256).fill(1, 0, 0x21);
for (const character of "\"'`<>/?#[]{}\\") ENDS_AUTHORITY[character.charCodeAt(0)] = 1;

/**
 * The password of `scheme://user:password@host`, up to the last `@`; a template such as `${PASSWORD}`, `{{password}}` or
 * `<password>` is none. With `secrets`, the whole address of a database, and of a webhook whose path is the secret.
 */
export function urlDetector(passwords: boolean, secrets: boolean): Detector {
  return {
    literals: ["://"],
    probe(at, start, afterLiteral): Verdict {
      const { bytes, end } = at;
      if (start === at.floor || !isWord(bytes[start - 1])) return NONE;
      let colon = 0;
      let sign = 0;
      let i = afterLiteral;
      for (; i < afterLiteral + LONGEST_USERINFO; i++) {
        if (i >= end) {
          if (!at.final) return at.more(schemeStart(at, start));
          break;
        }
        const byte = bytes[i] as number;
        if (byte === AT) sign = i;
        if (byte === COLON && colon === 0) colon = i;
        if (ENDS_AUTHORITY[byte] === 1) break;
      }
      if (secrets && bytes[i] === SLASH && i < end && isTeams(bytes, i)) return webhook(at, start, i);
      if (sign === 0 || colon === 0 || sign <= colon + 1) return NONE;
      if (secrets) {
        const scheme = schemeStart(at, start);
        if (STORE.test(latin1(bytes, scheme, start).toLowerCase()))
          return secret(at, scheme, sign + 1, "connection_string");
      }
      if (!passwords) return NONE;
      const isUser = USER_IS_TOKEN.test(latin1(bytes, colon + 1, sign));
      return at.match("URL_CREDENTIALS", isUser ? afterLiteral : colon + 1, sign);
    },
  };
}

/** `jdbc:driver:…`, with or without a password: it names a host that only insiders know, and often more. */
export const jdbcDetector: Detector = {
  literals: ["jdbc:"],
  probe(at, start, afterLiteral): Verdict {
    const { bytes, end } = at;
    if (!at.edge(start)) return NONE;
    const limit = afterLiteral + LONGEST_SCHEME * 4;
    let stop = afterLiteral;
    while (stop < end && stop < limit && ADDRESS[bytes[stop] as number] === 1) stop++;
    if (stop === end && stop < limit && !at.final) return at.more(start);
    const address = latin1(bytes, afterLiteral, stop);
    // Markup follows no address that it has not begun.
    if (!DRIVER.test(address) || bytes[stop] === 0x3e || address.length < 12) return NONE;
    return secret(at, start, stop, "connection_string");
  },
};

/** Incoming webhooks of Teams: learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors */
const TEAMS = ".webhook.office.com";
const isTeams = (bytes: Uint8Array, slash: number): boolean =>
  bytes[slash - 1] === 0x6d && bytes[slash - 4] === 0x2e && latin1(bytes, slash - TEAMS.length, slash) === TEAMS;

function webhook(at: Probe, start: number, slash: number): Verdict {
  return secret(at, schemeStart(at, start), slash + 1, "teams_webhook");
}

function secret(at: Probe, start: number, stop: number, vendor: string): Verdict {
  const verdict = at.open("SECRET", start, stop, ADDRESS);
  at.vendor = vendor;
  return verdict;
}

function schemeStart(at: Probe, end: number): number {
  const earliest = Math.max(at.floor, end - LONGEST_SCHEME);
  let start = end;
  while (start > earliest && (isWord(at.bytes[start - 1]) || at.bytes[start - 1] === 0x2b)) start--;
  while (start < end && !is(at.bytes[start], LETTER)) start++;
  return start;
}
