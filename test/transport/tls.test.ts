import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import type { TLSSocket } from "node:tls";
import { describe, expect, it } from "vitest";
import { calm, errorOf, hop, later, readText, transport } from "./support.js";

// Made for this test alone; valid for secure.example and 127.0.0.1 until 2126.
const pem = (name: string): string => readFileSync(new URL(name, import.meta.url), "utf8");
const certificate = pem("certificate.pem");

async function secureUpstream(): Promise<number> {
  const server = createServer({ key: pem("key.pem"), cert: certificate }, (request, response) => {
    response.end(String((request.socket as TLSSocket & { servername?: string }).servername));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

const lookup = async (): Promise<{ address: string; family: 4 }[]> => [{ address: "127.0.0.1", family: 4 }];

describe("https", () => {
  it("dials the checked address and still verifies the certificate for the name", async () => {
    const port = await secureUpstream();
    const sender = transport({ lookup, ca: certificate });
    const response = await sender.send(hop(`https://secure.example:${port}/`), calm());
    expect(response.peerAddress).toBe("127.0.0.1");
    expect(await readText(response.body)).toBe("secure.example");
    const literal = await sender.send(hop(`https://127.0.0.1:${port}/`), calm());
    expect(literal.status).toBe(200);
    literal.body?.cancel();
  });

  it("refuses a certificate for another name", async () => {
    const port = await secureUpstream();
    const told = calm();
    const sending = transport({ lookup, ca: certificate }).send(hop(`https://other.example:${port}/`), told);
    const error = await errorOf(sending);
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "ERR_TLS_CERT_ALTNAME_INVALID" } });
    expect(told.sending.mayHaveLeft).toBe(false);
  });

  it("refuses a certificate nobody vouches for", async () => {
    const port = await secureUpstream();
    const error = await errorOf(transport({ lookup }).send(hop(`https://secure.example:${port}/`), calm()));
    expect(error).toMatchObject({ message: "fetch failed", cause: { code: "DEPTH_ZERO_SELF_SIGNED_CERT" } });
  });
});
