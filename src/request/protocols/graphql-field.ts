/**
 * One root field of one operation, under its own name: aliases are the caller's. In a file of its own, so that our
 * declarations compile where the optional package `graphql` is not installed.
 */
export interface GraphqlField {
  readonly type: "query" | "mutation" | "subscription";
  readonly field: string;
  /** How often the server runs it: once for each alias it is asked for under. */
  readonly times: number;
}
