import { runDoomed } from "../../examples/demo/doomed.js";

/** The process that the demonstration kills, built from the source by the tests. */
await runDoomed(process.stdin, (line) => void process.stdout.write(line));
