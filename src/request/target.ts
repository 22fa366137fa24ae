/** Names a request in errors, as `METHOD url`: without its query, which may hold what is nobody's business. */
export function targetOf({ method, url }: { readonly method: string; readonly url: string }): string {
  const query = url.indexOf("?");
  return `${method} ${query === -1 ? url : url.slice(0, query)}`;
}
