import { needed, readAt, readOptions, type Shape } from "../../shapes/index.js";

/** A copy: what is sent to cannot be changed afterwards. */
const url: Shape<URL> = {
  read(given, place) {
    const copy = given instanceof URL ? given.href : given;
    if (typeof copy === "string" && URL.canParse(copy) && /^https?:$/.test(new URL(copy).protocol))
      return new URL(copy);
    place.report("must be an http or https URL");
    return undefined;
  },
};

/**
 * Reads where lines are sent, and how. @throws OptionsError with every problem; of the first argument, with the pointer `/url`
 */
export function readTarget<Options>(
  given: unknown,
  options: unknown,
  shape: Shape<Options>,
): { readonly target: URL; readonly options: Options } {
  return readOptions(
    {},
    {
      read: (_, place) => ({
        target: readAt(given, needed(url, "must be a URL"), place.at("url")) as URL,
        options: readAt(options, needed(shape, "must be an object"), place) as Options,
      }),
    },
  );
}
