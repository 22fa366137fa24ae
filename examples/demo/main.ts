import { runDemoCommand } from "./command.js";
import { demoIo } from "./io.js";

process.exitCode = await runDemoCommand(process.argv.slice(2), demoIo());
