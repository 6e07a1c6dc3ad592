// Web pages and the hub: a page from anywhere, open in a browser on the lab's network, must not join.

/** An IP address or this computer itself: what no page of another site can be served under. */
const PLAIN_HOST = /^(\d{1,3}(\.\d{1,3}){3}|\[[0-9a-f:.]+\]|localhost)(:\d+)?$/i;

/**
 * Why a WebSocket that a web page asks for is not opened; `undefined`: it may be. Programs other
 * than browsers send no origin, or that of the hub itself.
 *
 * @param allowed Origins of pages that may, as `http://host:port`; `"*"`: all.
 */
export function problemWithOrigin(
  headers: ReadonlyMap<string, string>,
  allowed: readonly string[],
): string | undefined {
  const origin = headers.get("origin");
  if (origin === undefined || allowed.includes("*") || allowed.includes(origin.toLowerCase())) {
    return undefined;
  }
  // Some libraries name the hub's own address. A name would not do: anybody can let one of his own
  // point here.
  const host = headers.get("host") ?? "";
  const own = origin.replace(/^https?:\/\//i, "");
  if (own !== origin && own === host && PLAIN_HOST.test(host)) return undefined;
  return `a page of ${origin} may not; the hub is started with --origin ${origin} if it may`;
}
