// The one place that knows which library signs.
export { CompactSign, type CryptoKey, compactVerify, importJWK, type JWK, jwtVerify, SignJWT } from "jose";
