// A client that is typed end to end by an OpenAPI description: paths, parameters, bodies and answers are checked when you
// compile, and every call still goes through the guard. `examples/openapi-client.test.ts` runs it on a real server.
import { createClient } from "sallyport";
import type { components, paths } from "./ledger-paths.js";

type Invoice = components["schemas"]["Invoice"];
type Refund = components["schemas"]["Refund"];

/** Refunds an invoice in full. Belongs inside `session.run`: the client is that of the ambient session. */
export async function refundInvoice(id: string): Promise<Refund> {
  const ledger = createClient<paths>("ledger");
  const invoice = await readInvoice(id);
  const { data, error } = await ledger.POST("/refunds", { body: { invoice: invoice.id, cents: invoice.cents } });
  if (data === undefined) throw new Error(`The ledger refused: ${error.error}`);
  return data;
}

/** Reads an invoice; what is personal in it has been masked, and is still a string. */
export async function readInvoice(id: string): Promise<Invoice> {
  const ledger = createClient<paths>("ledger");
  const { data, error } = await ledger.GET("/invoices/{id}", { params: { path: { id } } });
  if (data === undefined) throw new Error(`The ledger refused: ${error.error}`);
  return data;
}

/** What does not compile. Never called: `npm run types` fails when one of these lines starts to compile. */
export async function mistakes(): Promise<void> {
  const ledger = createClient<paths>("ledger");
  // @ts-expect-error there is no such path
  await ledger.GET("/invoice/{id}", { params: { path: { id: "17" } } });
  // @ts-expect-error there is such a path, but nothing to POST to
  await ledger.POST("/invoices/{id}", { params: { path: { id: "17" } } });
  // @ts-expect-error the path parameter is missing
  await ledger.GET("/invoices/{id}", { params: { path: {} } });
  // @ts-expect-error a query parameter with a value that the description does not list
  await ledger.GET("/invoices/{id}", { params: { path: { id: "17" }, query: { currency: "GBP" } } });
  // @ts-expect-error the amount is a number of cents
  await ledger.POST("/refunds", { body: { invoice: "17", cents: "42.00" } });
  // @ts-expect-error a field is missing
  await ledger.POST("/refunds", { body: { invoice: "17" } });
  const { data } = await ledger.GET("/invoices/{id}", { params: { path: { id: "17" } } });
  // @ts-expect-error an invoice has cents, not an amount
  data?.amount;
}
