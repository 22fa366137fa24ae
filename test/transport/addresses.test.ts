import { describe, expect, it } from "vitest";
import { isGuardError } from "../../src/errors/guard-error.js";
import { compileAddressRule } from "../../src/request/address.js";
import type { ResolvedAddress, Resolver } from "../../src/transport/index.js";
import { calm, errorOf, hop, LOOPBACK, PUBLIC_ONLY, rawUpstream, readText, transport, upstream } from "./support.js";

/** Answers from a list, the last one for ever, and counts. */
function scripted(...answers: readonly (readonly string[])[]): Resolver & { calls: string[] } {
  const calls: string[] = [];
  const resolver = async (hostname: string): Promise<ResolvedAddress[]> => {
    calls.push(hostname);
    const found = answers[Math.min(calls.length, answers.length) - 1] ?? [];
    return found.map((address) => ({ address, family: address.includes(":") ? 6 : 4 }));
  };
  return Object.assign(resolver, { calls });
}

const expectRefused = async (sending: Promise<unknown>): Promise<Error> => {
  const error = await errorOf(sending);
  expect(isGuardError(error) && error).toMatchObject({ code: "ADDRESS_REFUSED", sent: false });
  return error as Error;
};

describe("a name is judged by the addresses it resolves to", () => {
  it.each([
    ["dns-001", "http://127-0-0-1.wild.example/", ["127.0.0.1"]],
    ["dns-002", "http://meta.wild.example/latest/", ["169.254.169.254"]],
    ["dns-003", "http://v6.wild.example/", ["::ffff:10.0.0.5"]],
    ["dns-006", "http://mixed.wild.example/", ["93.184.216.34", "10.0.0.7"]],
    ["dns-006, the other way round", "http://mixed.wild.example/", ["10.0.0.7", "93.184.216.34"]],
    ["dns-007", "http://all.wild.example/", ["127.0.0.1", "::1"]],
  ])("%s: %s for %j is refused", async (_id, url, answer) => {
    const lookup = scripted(answer);
    await expectRefused(transport({ lookup }).send(hop(url, { addresses: PUBLIC_ONLY }), calm()));
    expect(lookup.calls).toHaveLength(1);
  });

  it("dns-011: a private range that is open does not open loopback", async () => {
    const addresses = compileAddressRule(["10.20.0.0/16"]);
    const lookup = scripted(["127.0.0.1"]);
    const url = "https://crm.internal.example/api/v1/accounts";
    await expectRefused(transport({ lookup }).send(hop(url, { addresses }), calm()));
  });

  it("dns-006: with a mixed answer no socket opens, also not to the address that would be allowed", async () => {
    const { port, sockets } = await upstream((_request, response) => response.end());
    const lookup = scripted(["127.0.0.1", "10.0.0.7"]);
    await expectRefused(transport({ lookup }).send(hop(`http://mixed.wild.example:${port}/`), calm()));
    expect(sockets).toHaveLength(0);
  });

  it("dns-014: a metadata name is refused without being looked up", async () => {
    const lookup = scripted(["93.184.216.34"]);
    const url = "http://metadata.google.internal/computeMetadata/v1/";
    await expectRefused(transport({ lookup }).send(hop(url, { addresses: PUBLIC_ONLY }), calm()));
    expect(lookup.calls).toEqual([]);
  });

  it("the refusal names the request without its query, and not the address", async () => {
    const lookup = scripted(["10.9.8.7"]);
    const error = await expectRefused(transport({ lookup }).send(hop("http://a.example/x?token=s3cret"), calm()));
    expect(error.message).toContain("GET http://a.example/x");
    expect(error.message).not.toMatch(/s3cret|10\.9\.8\.7/);
  });

  it("each of several calls that wait for one refused connection gets an error about itself", async () => {
    const sender = transport({ lookup: scripted(["10.9.8.7"]), connectionsPerOrigin: 1 });
    const errors = await Promise.all(
      ["/a", "/b", "/c"].map((path) => expectRefused(sender.send(hop(`http://a.example${path}`), calm()))),
    );
    expect(errors.map(({ message }) => /example(\/.)/.exec(message)?.[1])).toEqual(["/a", "/b", "/c"]);
  });
});

describe("rebinding", () => {
  it("dns-004: a name is resolved once per connection, and that very address is dialled", async () => {
    const { port } = await upstream((_request, response) => response.end("here"));
    const lookup = scripted(["127.0.0.1"], ["127.0.0.2"]);
    const addresses = compileAddressRule(["127.0.0.1/32"]);
    const sender = transport({ lookup, connectionsPerOrigin: 1 });
    for (let i = 0; i < 3; i++) {
      const response = await sender.send(hop(`http://rebind.wild.example:${port}/`, { addresses }), calm());
      expect(await readText(response.body)).toBe("here");
      expect(response.peerAddress).toBe("127.0.0.1");
    }
    expect(lookup.calls).toEqual(["rebind.wild.example"]);
  });

  it("dns-005: every new connection is checked again", async () => {
    const { port } = await upstream((_request, response) => response.setHeader("connection", "close").end("first"));
    const lookup = scripted(["127.0.0.1"], ["10.0.0.9"]);
    const sender = transport({ lookup });
    const url = `http://rebind2.wild.example:${port}`;
    await readText((await sender.send(hop(`${url}/first`), calm())).body);
    await expectRefused(sender.send(hop(`${url}/second`), calm()));
    expect(lookup.calls).toHaveLength(2);
  });

  it("a connection opened under one rule is not used under a stricter one", async () => {
    const { port, sockets } = await upstream((_request, response) => response.end("open"));
    const sender = transport({ lookup: scripted(["127.0.0.1"]) });
    const url = `http://shared.example:${port}/`;
    await readText((await sender.send(hop(url, { addresses: LOOPBACK }), calm())).body);
    await expectRefused(sender.send(hop(url, { addresses: PUBLIC_ONLY }), calm()));
    expect(sockets).toHaveLength(1);
  });
});

describe("literal addresses, for which undici asks no resolver", () => {
  it("dns-008: are checked before a socket opens", async () => {
    const { origin, sockets } = await upstream((_request, response) => response.end());
    const lookup = scripted(["93.184.216.34"]);
    const sender = transport({ lookup });
    await expectRefused(sender.send(hop(`${origin}/`, { addresses: PUBLIC_ONLY }), calm()));
    await expectRefused(sender.send(hop("http://127.0.0.1:8080/", { addresses: PUBLIC_ONLY }), calm()));
    expect(sockets).toHaveLength(0);
    expect(lookup.calls).toEqual([]);
  });

  it.each([
    "http://[::1]/",
    "http://[::ffff:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[2002:7f00:1::]/",
    "http://2130706433/",
    "http://0/",
    "https://169.254.169.254/",
  ])("%s is refused", async (url) => {
    await expectRefused(transport().send(hop(url, { addresses: PUBLIC_ONLY }), calm()));
  });

  it("that are listed are reached", async () => {
    const { origin } = await upstream((_request, response) => response.end("ok"));
    const response = await transport().send(hop(origin), calm());
    expect(response.peerAddress).toBe("127.0.0.1");
    expect(await readText(response.body)).toBe("ok");
  });
});

it("a proxy in the environment is not used", async () => {
  let proxied = 0;
  const proxy = await rawUpstream((socket) => {
    proxied++;
    socket.destroy();
  });
  const names = ["HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY", "NODE_USE_ENV_PROXY"];
  const before = names.map((name) => process.env[name]);
  for (const name of names) process.env[name] = name === "NODE_USE_ENV_PROXY" ? "1" : proxy.origin;
  try {
    const { origin } = await upstream((_request, response) => response.end("direct"));
    expect(await readText((await transport().send(hop(origin), calm())).body)).toBe("direct");
    expect(proxied).toBe(0);
  } finally {
    names.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    });
  }
});

it("a name that does not resolve is a network fault of which nothing was sent", async () => {
  const lookup: Resolver = async () => {
    throw Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
  };
  for (const resolver of [lookup, scripted([])]) {
    const told = calm();
    const error = await errorOf(transport({ lookup: resolver }).send(hop("http://nowhere.example/"), told));
    expect(error).toBeInstanceOf(TypeError);
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "ENOTFOUND" } });
    expect(told.sending.mayHaveLeft).toBe(false);
  }
});
