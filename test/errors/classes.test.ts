import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, expectTypeOf, it } from "vitest";
import { denialReference, readDenialReference } from "../../src/errors/denial-reference.js";
import { errorOf } from "../../src/errors/error-of-code.js";
import {
  ApprovalPendingError,
  DeniedError,
  ERROR_CODES,
  type ErrorCode,
  GuardError,
  isApprovalPending,
  isDenied,
  isGuardError,
  isOptionsError,
} from "../../src/index.js";

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

describe("the class of an error", () => {
  it.each(codes.filter((code) => !["POLICY_INVALID", "OPTIONS_INVALID"].includes(code)))(
    "of %s is the one in the table, and the same after a client library has had it",
    (code) => {
      const error = errorOf(code, {});
      expect([error.name, error.code]).toEqual([ERROR_CODES[code].type, code]);
      expect(readDenialReference(denialReference(error))?.constructor).toBe(error.constructor);
    },
  );

  it("is the one in the table wherever the library makes one", () => {
    const source = join(import.meta.dirname, "../../src");
    const made = readdirSync(source, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".ts"))
      .flatMap((name) => [
        ...readFileSync(join(source, name), "utf8").matchAll(/new (GuardError|DeniedError)\(\s*"([A-Z_]+)"/g),
      ]);
    expect(made.length).toBeGreaterThan(10);
    expect(made.filter(([, type, code = ""]) => ERROR_CODES[code as ErrorCode].type !== type)).toEqual([]);
  });

  it("is told apart by one guard each, also for an error of another copy of the package", () => {
    const error: unknown = new ApprovalPendingError({ approvalId: "ap_1" });
    const foreign: unknown = Object.assign(new Error("x"), {
      [Symbol.for("sallyport.GuardError")]: true,
      code: "APPROVAL_PENDING",
      approvalId: "ap_2",
    });
    expect([error, foreign].map(isApprovalPending)).toEqual([true, true]);
    expect([isDenied(error), isOptionsError(error)]).toEqual([false, false]);
    expect(
      [new DeniedError("NO_RULE"), new GuardError("GUARD_CLOSED"), new TypeError("x"), null].map(isDenied),
    ).toEqual([true, false, false, false]);
    if (!isApprovalPending(error)) throw new Error("unreachable");
    expectTypeOf(error.code).toEqualTypeOf<"APPROVAL_PENDING">();
    expectTypeOf(error.approvalId).toEqualTypeOf<string>();
  });

  it("is not what an object with an unknown code has", () => {
    const odd = { [Symbol.for("sallyport.GuardError")]: true, code: "constructor" };
    expect([isGuardError(odd), isDenied(odd)]).toEqual([true, false]);
  });
});

describe("the table of codes", () => {
  it("cannot be changed, nor can its entries", () => {
    expect(Object.isFrozen(ERROR_CODES) && Object.values(ERROR_CODES).every(Object.isFrozen)).toBe(true);
  });

  it.each(codes)("%s says what happened and what to do, in a sentence each", (code) => {
    const { meaning, remedy } = ERROR_CODES[code];
    for (const sentence of [meaning, remedy]) expect(sentence).toMatch(/^[A-Z`].*\.$/);
    expect(remedy).not.toBe(meaning);
  });

  it.each(codes)("%s has a message and a model's text that say nothing twice and name no empty target", (code) => {
    if (["POLICY_INVALID", "OPTIONS_INVALID"].includes(code)) return;
    const error = errorOf(code, {});
    for (const text of [error.message, error.toModelText()]) {
      expect(text).not.toMatch(/ {2}|\(\)|\.\.|undefined/);
      const sentences = text.toLowerCase().split(/[.:] /);
      expect(new Set(sentences).size).toBe(sentences.length);
    }
  });
});
