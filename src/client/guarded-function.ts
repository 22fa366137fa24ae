/** Two copies of the package in one process recognise each other's fetches by this brand. */
const BRAND = Symbol.for("sallyport.fetch");

type Fetch = typeof globalThis.fetch;

/**
 * Gives a function the looks of a fetch that goes through the guard. `Response` is there because OpenAI's and Anthropic's
 * clients look for it before they probe with a request of their own.
 */
export const asFetch = (call: (input: unknown, init: unknown) => Promise<Response>): Fetch =>
  Object.defineProperty(
    Object.assign(
      named(async (input: unknown, init: unknown = undefined) => call(input, init)),
      { Response },
    ),
    BRAND,
    { value: true },
  );

/** With the name of what it stands for: programs log it, and some look at it. */
const named = <Call extends object>(call: Call): Call => Object.defineProperty(call, "name", { value: "fetch" });

/** Whether a function is a guarded fetch. A mark against mistakes: code that wants to pass for one can. */
export const isGuarded = (value: unknown): boolean =>
  typeof value === "function" && (value as unknown as Record<symbol, unknown>)[BRAND] === true;
