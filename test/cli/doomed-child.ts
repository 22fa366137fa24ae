import { runDoomed } from "../../src/cli/demo/doomed.js";

/** What `sallyport demo` starts of itself, where the tests have it from the source. */
await runDoomed(process.stdin, (line) => void process.stdout.write(line));
