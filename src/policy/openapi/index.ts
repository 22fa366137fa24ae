export { type ApiDescription, readDescription } from "./description.js";
export { type NamedOperation, namedOperations, operationClause } from "./rules.js";
