import { createHash } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { calculateJwkThumbprint, createRemoteJWKSet, EmbeddedJWK, type JWTPayload, jwtVerify } from "jose";

/** One request, and what the server made of it. */
export interface Visit {
  readonly method: string;
  readonly url: string;
  readonly authorization: string | undefined;
  readonly dpop: string | undefined;
  readonly body: string;
  status: number;
}

/** A service that verifies tokens: signature, issuer, audience, type, scope, and the proof where a token is bound. */
export interface ResourceServer {
  readonly origin: string;
  readonly visits: Visit[];
  /** The nonce that proofs must hold, or undefined for none. */
  nonce: string | undefined;
  /** Answers instead of the server, before any token is looked at, where it returns true. */
  intercept: ((visit: Visit, response: ServerResponse) => boolean) | undefined;
  /** The nonce that the next answers tell. Default: `nonce`. */
  nextNonce: string | undefined;
  close(): Promise<void>;
}

/** `scopes` maps a method to the scope that it needs. */
export async function startResourceServer(
  issuer: string,
  audience: string,
  scopes: Readonly<Record<string, string>> = {},
): Promise<ResourceServer> {
  const keys = createRemoteJWKSet(new URL(`${issuer}/jwks`));
  const proofs = new Set<string>();
  const server = createServer((request, response) => void serve(request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const rs: ResourceServer = {
    origin,
    visits: [],
    nonce: undefined,
    nextNonce: undefined,
    intercept: undefined,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };

  const refuse = (visit: Visit, response: ServerResponse, status: number, challenge: string): void => {
    visit.status = status;
    response.writeHead(status, { "content-type": "application/json", "www-authenticate": challenge });
    response.end(JSON.stringify({ refused: challenge }));
  };

  const serve = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { authorization, dpop } = request.headers as { authorization?: string; dpop?: string };
    const visit: Visit = {
      method: request.method ?? "",
      url: request.url ?? "",
      authorization,
      dpop,
      body,
      status: 200,
    };
    rs.visits.push(visit);
    const told = rs.nextNonce ?? rs.nonce;
    if (told !== undefined) response.setHeader("dpop-nonce", told);
    if (rs.intercept?.(visit, response) === true) {
      visit.status = response.statusCode;
      return;
    }
    const [scheme = "", token = ""] = (authorization ?? "").split(" ");
    let claims: JWTPayload;
    try {
      ({ payload: claims } = await jwtVerify(token, keys, { issuer, audience, typ: "at+jwt", algorithms: ["ES256"] }));
    } catch {
      return refuse(visit, response, 401, `${scheme === "DPoP" ? "DPoP" : "Bearer"} error="invalid_token"`);
    }
    const { jkt } = (claims["cnf"] ?? {}) as { jkt?: string };
    if (jkt !== undefined || scheme === "DPoP") {
      const problem = await proofProblem(visit, token, jkt);
      if (problem !== undefined) return refuse(visit, response, 401, `DPoP error="${problem}", algs="ES256"`);
    }
    const needed = scopes[visit.method];
    if (
      needed !== undefined &&
      !String(claims["scope"] ?? "")
        .split(" ")
        .includes(needed)
    ) {
      return refuse(visit, response, 403, `${scheme} error="insufficient_scope", scope="${needed}"`);
    }
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ sub: claims.sub, scope: claims["scope"], act: claims["act"], body }));
  };

  /** RFC 9449 §4.3. */
  const proofProblem = async (visit: Visit, token: string, jkt: string | undefined): Promise<string | undefined> => {
    if (visit.dpop === undefined || !/^DPoP /.test(visit.authorization ?? "")) return "invalid_token";
    try {
      const { payload, protectedHeader } = await jwtVerify(visit.dpop, EmbeddedJWK, {
        typ: "dpop+jwt",
        algorithms: ["ES256"],
        maxTokenAge: 60,
      });
      const ath = createHash("sha256").update(token).digest("base64url");
      const jwk = protectedHeader.jwk;
      const good =
        jwk !== undefined &&
        !("d" in jwk) &&
        (await calculateJwkThumbprint(jwk)) === jkt &&
        payload["htm"] === visit.method &&
        payload["htu"] === origin + visit.url.split("?")[0] &&
        payload["ath"] === ath &&
        typeof payload.jti === "string" &&
        !proofs.has(payload.jti);
      if (!good) return "invalid_dpop_proof";
      if (rs.nonce !== undefined && payload["nonce"] !== rs.nonce) return "use_dpop_nonce";
      proofs.add(String(payload.jti));
      return undefined;
    } catch {
      return "invalid_dpop_proof";
    }
  };
  return rs;
}
