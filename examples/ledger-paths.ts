// The API of a ledger as types: what `npx openapi-typescript ledger.openapi.yaml -o ledger-paths.ts` writes, shortened. Written
// by hand here, because openapi-typescript needs the older TypeScript 5; your generated file goes in its place.

export interface paths {
  "/invoices/{id}": {
    get: {
      parameters: { path: { id: string }; query?: { currency?: "EUR" | "USD" } };
      responses: {
        200: { content: { "application/json": components["schemas"]["Invoice"] } };
        404: { content: { "application/json": components["schemas"]["Problem"] } };
      };
    };
  };
  "/refunds": {
    post: {
      requestBody: { content: { "application/json": components["schemas"]["NewRefund"] } };
      responses: {
        201: { content: { "application/json": components["schemas"]["Refund"] } };
        422: { content: { "application/json": components["schemas"]["Problem"] } };
      };
    };
  };
}

export interface components {
  schemas: {
    Invoice: { id: string; cents: number; customer: { name: string; email: string } };
    NewRefund: { invoice: string; cents: number };
    Refund: { id: string; invoice: string; cents: number };
    Problem: { error: string };
  };
}
