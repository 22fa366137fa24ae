import { createServer, type IncomingMessage } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { type AddressInfo, connect, type Socket } from "node:net";
import { pem } from "./secure.js";
import { later } from "./support.js";

export type Handle = (asked: IncomingMessage, socket: Socket) => void;

/** Does what a proxy is for; every tunnel leads to this machine. */
export const tunnelling: Handle = (asked, socket) => {
  const port = Number(/:(\d+)$/.exec(asked.url ?? "")?.[1]);
  const far = connect(port, "127.0.0.1", () => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    far.pipe(socket).pipe(far);
  });
  for (const one of [far, socket]) one.on("error", () => {});
  later(() => far.destroy());
};

export const answering =
  (text: string): Handle =>
  (_asked, socket) =>
    void socket.end(text);

/** An HTTP proxy on loopback, and what it was asked for. */
export async function proxyServer(handle: Handle = tunnelling, isSecure = false) {
  const asked: { readonly authority: string; readonly authorization: string | undefined }[] = [];
  const sockets: Socket[] = [];
  const server = isSecure
    ? createSecureServer({ key: pem("server.key"), cert: pem("server.pem") })
    : createServer((_request, response) => response.writeHead(500).end());
  server.on("connection", (socket: Socket) => sockets.push(socket.on("error", () => {})));
  server.on("connect", (request: IncomingMessage, socket: Socket) => {
    asked.push({ authority: request.url ?? "", authorization: request.headers["proxy-authorization"] });
    socket.on("error", () => {});
    handle(request, socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  later(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { url: `${isSecure ? "https" : "http"}://127.0.0.1:${port}`, port, asked, sockets };
}
