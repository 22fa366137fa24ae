// The one place that knows which library reads command lines.
export { Command, CommanderError, Option } from "commander";
