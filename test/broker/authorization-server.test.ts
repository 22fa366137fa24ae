import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { type AuthorizationServer, startAuthorizationServer } from "../../examples/demo/authorization-server.js";

let server: AuthorizationServer;
const printed: unknown[] = [];

beforeAll(async () => {
  for (const method of ["info", "warn", "error", "log"] as const) {
    vi.spyOn(console, method).mockImplementation((...words) => void printed.push(words));
  }
  server = await startAuthorizationServer({ clients: { "crm-agent": {} }, resources: {} });
});
afterAll(() => server.close());

test("the authorization server starts without a word on the console", () => {
  expect(printed).toEqual([]);
});

test("it publishes metadata under its own issuer", async () => {
  const response = await fetch(`${server.issuer}/.well-known/openid-configuration`);
  expect(await response.json()).toMatchObject({ issuer: server.issuer });
});
