// Generates the validator of policy documents from their schema, so that the package does not load a schema compiler for it.
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import standalone from "ajv/dist/standalone/index.js";
import { build, transform } from "esbuild";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Reads a module of the source, which Node 20 cannot. */
async function load(file) {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: [file],
    bundle: true,
    packages: "external",
    platform: "node",
    format: "esm",
    write: false,
    logLevel: "error",
  });
  return await import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`);
}

/** What generated code takes from ajv at run time, and what stands for it here. */
const RUNTIME = {
  'require("ajv/dist/runtime/ucs2length").default': "((text) => [...text].length)",
  'require("ajv/dist/runtime/equal").default': "isDeepStrictEqual",
};

/** The generated module: what `src/policy/document/policy-validator.ts` exports, without the compiler. */
export async function policyValidatorModule() {
  const { policySchema } = await load("src/policy/document/schema.ts");
  const { VALIDATOR_OPTIONS } = await load("src/policy/document/policy-validator.ts");
  const ajv = new Ajv2020({ ...VALIDATOR_OPTIONS, code: { esm: true, source: true } });
  let code = standalone.default(ajv, ajv.compile(policySchema));
  for (const [from, to] of Object.entries(RUNTIME)) code = code.replaceAll(from, to);
  if (/\brequire\(/.test(code)) throw new Error("the generated validator needs more of ajv than is known");
  const module = code
    .replace(/export const validate = \w+;/, "")
    .replace(/export default (\w+);/, "export const policyValidator = () => $1;");
  const { code: small } = await transform(`import { isDeepStrictEqual } from "node:util";\n${module}`, {
    minify: true,
  });
  return small;
}

/** For tsup: puts the generated module in the place of the one that compiles. */
export const policyValidatorPlugin = {
  name: "policy-validator",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]policy[\\/]document[\\/]policy-validator\.ts$/ }, async () => ({
      contents: await policyValidatorModule(),
      loader: "js",
    }));
  },
};
