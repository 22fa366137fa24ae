import type { Received, Reply } from "./vendor.js";

/** A plain JSON service, for clients that were written for no service in particular. */
export async function answerAsShop({ method, path, headers, body }: Received, reply: Reply): Promise<void> {
  switch (`${method} ${path}`) {
    case "POST /orders":
      return reply.json({ id: 7, ...(JSON.parse(body.toString()) as object) }, 201);
    case "GET /orders/7":
      return reply.json({ id: 7, item: "tea" });
    case "GET /orders/export":
      return await reply.stream("text/plain", ["first,", "second"]);
    case "GET /orders/moved":
      return reply.redirect(302, "/orders/7");
    case "POST /files":
      return reply.json({ type: headers["content-type"]?.split(";")[0], holds: body.includes("line one") });
    default:
      return reply.json({ message: `no ${method} ${path}` }, 404);
  }
}

export function form(): FormData {
  const data = new FormData();
  data.set("title", "notes");
  data.set("file", new File(["line one\n"], "notes.txt", { type: "text/plain" }));
  return data;
}
