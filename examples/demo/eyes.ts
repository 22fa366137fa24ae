import { inspect } from "node:util";

/** Everything an agent got to hold during the demonstration, and a search through all of it. */
export interface Eyes {
  see(value: unknown): void;
  /** Whether any of these values occurs in anything that was seen: properties, hidden ones, causes, JSON. */
  haveSeen(values: readonly string[]): boolean;
}

/** Opens eyes. `watcher` is handed what they see, too. */
export function createEyes(watcher: (value: unknown) => void = () => undefined): Eyes {
  const seen: unknown[] = [];
  return {
    see(value) {
      seen.push(value);
      watcher(value);
    },
    haveSeen(values) {
      const text = seen.map(textOf).join("\n");
      return values.some((value) => text.includes(value));
    },
  };
}

function textOf(value: unknown): string {
  const inspected = inspect(value, {
    depth: 20,
    showHidden: true,
    getters: true,
    maxStringLength: null,
    maxArrayLength: null,
  });
  return typeof value === "string" ? value : `${inspected}\n${jsonOf(value)}`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? "";
  } catch {
    return "";
  }
}
