// The one place that knows which library reads command lines.
export { Command, CommanderError } from "commander";
