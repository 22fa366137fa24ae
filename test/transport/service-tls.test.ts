import { inspect } from "node:util";
import { describe, expect, it } from "vitest";
import type { GuardOptions, PolicyDocument } from "../../src/index.js";
import type { UndiciTransportOptions } from "../../src/transport/index.js";
import { testGuard } from "../support/guards.js";
import { pem, secureUpstream, toLoopback } from "./secure.js";
import { calm, errorOf, hop, readText, transport } from "./support.js";

const crm = { ca: pem("one-ca.pem"), cert: pem("crm-client.pem"), key: pem("crm-client.key") };
const billing = {
  ca: pem("one-ca.pem"),
  cert: pem("billing-client.pem"),
  key: pem("billing-client.encrypted.key"),
  passphrase: "open-sesame",
};

const problemsOf = async (options: unknown): Promise<unknown> => {
  const error = await errorOf((async () => transport(options as UndiciTransportOptions))());
  return (error as { problems?: unknown }).problems ?? error;
};

describe("TLS of a service", () => {
  it("shows its client certificate, also with an encrypted key, and trusts the authority it names", async () => {
    const { port, seen } = await secureUpstream();
    const sender = transport({ lookup: toLoopback, services: { crm: { tls: crm }, billing: { tls: billing } } });
    for (const service of ["crm", "billing"])
      await readText((await sender.send(hop(`https://${service}.example:${port}/`, { service }), calm())).body);
    expect(seen).toMatchObject([
      { servername: "crm.example", client: "crm-client" },
      { servername: "billing.example", client: "billing-client" },
    ]);
  });

  it("is never used for another service, also not at the same origin and by a connection that is open", async () => {
    const { port, seen, connections } = await secureUpstream();
    const services = { crm: { tls: crm }, billing: { tls: billing } };
    const sender = transport({ lookup: toLoopback, ca: pem("one-ca.pem"), services, connectionsPerOrigin: 1 });
    const url = `https://crm.example:${port}/`;
    for (const service of ["crm", "billing", "wiki", "toString", undefined, "crm"])
      await readText((await sender.send(hop(url, service === undefined ? {} : { service }), calm())).body);
    expect(seen.map(({ client }) => client)).toEqual(["crm-client", "billing-client", null, null, null, "crm-client"]);
    expect(connections).toHaveLength(3); // one each, and one that all without settings share
  });

  it("trusts the authorities it names and no others: not the ones of the transport", async () => {
    const { port, seen } = await secureUpstream("stranger");
    const ca = [pem("one-ca.pem"), pem("two-ca.pem")];
    const sender = transport({ lookup: toLoopback, ca, services: { crm: { tls: { ca: pem("one-ca.pem") } } } });
    const url = `https://crm.example:${port}/`;
    const told = calm();
    const error = await errorOf(sender.send(hop(url, { service: "crm" }), told));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE" } });
    expect(told.sending.mayHaveLeft).toBe(false);
    await readText((await sender.send(hop(url, { service: "wiki" }), calm())).body);
    expect(seen).toHaveLength(1);
  });

  it("asks for the server name it is given, and wants it in the certificate", async () => {
    const { port, seen } = await secureUpstream();
    const named = (servername: string) =>
      transport({
        lookup: toLoopback,
        ca: pem("one-ca.pem"),
        services: { crm: { tls: { servername } } },
      }).send(hop(`https://gateway.internal:${port}/`, { service: "crm" }), calm());
    await readText((await named("crm.example")).body);
    expect(seen).toMatchObject([{ servername: "crm.example" }]);
    const error = await errorOf(named("wiki.example"));
    expect(error).toMatchObject({ cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } });
  });

  it("is checked when the transport is made, all of it at once", async () => {
    const mismatch = { ...crm, key: pem("server.key") };
    expect(
      await problemsOf({
        services: {
          a: { tls: { cert: crm.cert } },
          b: { tls: { ca: "nonsense", key: 7, servername: "-", verify: false } },
          c: { tls: mismatch },
          d: { tls: { ...billing, passphrase: "close-sesame" } },
          e: { timeout: 1 },
          f: 1,
          g: { tls: { ca: undefined } },
        },
      }),
    ).toMatchObject([
      { pointer: "/services/a/tls" },
      { pointer: "/services/b/tls/verify" },
      { pointer: "/services/b/tls/ca" },
      { pointer: "/services/b/tls/key" },
      { pointer: "/services/b/tls" },
      { pointer: "/services/b/tls/servername" },
      { pointer: "/services/c/tls" },
      { pointer: "/services/d/tls" },
      { pointer: "/services/e/timeout" },
      { pointer: "/services/f" },
      { pointer: "/services/g/tls/ca" },
    ]);
  });

  it("keeps key and passphrase out of errors and objects", async () => {
    const body = (key: string): string => key.split("\n")[2]?.slice(0, 40) ?? "";
    const secrets = [body(crm.key), body(pem("server.key")), body(billing.key), "open-sesame", "close-sesame"];
    const sender = transport({ services: { crm: { tls: crm }, billing: { tls: billing } } });
    const problems = await problemsOf({
      services: {
        c: { tls: { ...crm, key: pem("server.key") } },
        d: { tls: { ...billing, passphrase: "close-sesame" } },
        e: { tls: { ...crm, key: `-----BEGIN PRIVATE KEY-----\n${body(crm.key)}` } },
      },
    });
    const shown = [sender, problems].map((value) => inspect(value, { depth: 20, showHidden: true })).join();
    for (const secret of secrets) expect(shown.includes(secret)).toBe(false);
    expect(secrets.every((secret) => secret.length > 8)).toBe(true);
  });
});

describe("connection settings of a guard", () => {
  const policy = (origins: Readonly<Record<string, string>>): PolicyDocument => ({
    version: 1,
    services: Object.fromEntries(
      Object.entries(origins).map(([name, origin]) => [name, { origins: [origin], addresses: ["127.0.0.0/8"] }]),
    ),
    rules: Object.keys(origins).map((service) => ({
      id: service,
      effect: "allow",
      service,
      methods: ["GET"],
      path: "/**",
    })),
  });

  it("go with the service of each hop: a redirect to another service shows its certificate, or none", async () => {
    const { port, seen } = await secureUpstream("server", {}, (path) =>
      path === "/go" ? { status: "302", location: `https://billing.example:${port}/there` } : {},
    );
    const { session } = await testGuard({
      policy: policy({ crm: `https://crm.example:${port}`, billing: `https://billing.example:${port}` }),
      transport: { lookup: toLoopback, ca: pem("one-ca.pem"), services: { crm: { tls: crm } } },
    });
    await (await session.fetch(`https://crm.example:${port}/go`)).text();
    expect(seen).toMatchObject([
      { client: "crm-client", path: "/go" },
      { client: null, path: "/there" },
    ]);
  });

  it("must be for services of the policy, of a later one too", async () => {
    const options: GuardOptions = {
      policy: policy({ crm: "https://crm.example" }),
      transport: { services: { crm: { tls: crm } } },
    };
    const wrong = { ...options, transport: { services: { crn: { tls: crm } } } };
    await expect(testGuard(wrong)).rejects.toMatchObject({ problems: [{ pointer: "/transport/services/crn" }] });
    const { guard } = await testGuard(options);
    await expect(guard.setPolicy(policy({ sales: "https://crm.example" }))).rejects.toMatchObject({
      problems: [{ pointer: "/transport/services/crm" }],
    });
  });
});
