/** Where a link of a text leads: to this site (its path), to a mailbox, to another host, or nowhere that is followed. */
export type Destination = { kind: "here"; href: string } | { kind: "mail"; address: string } | { kind: "elsewhere"; host: string } | { kind: "nowhere" };

const WEB = /^https?:\/\//i;

/** `origin` is this site's, such as `https://millwright.example`. Addresses are taken as a browser would take them. */
export function destinationOf(href: string, origin: string): Destination {
  const address = href.trim();
  if (/^mailto:/i.test(address)) return { kind: "mail", address: address.slice(7).split("?")[0] ?? "" };
  // A path, or an address with a scheme or a host of its own; anything else is text that looks like one.
  if (!WEB.test(address) && !/^[/\\#?]/.test(address)) return { kind: "nowhere" };
  let url: URL;
  try {
    url = new URL(address, origin);
  } catch {
    return { kind: "nowhere" };
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") return { kind: "nowhere" };
  if (url.origin !== origin || url.username !== "" || url.password !== "") return { kind: "elsewhere", host: url.host };
  return { kind: "here", href: url.pathname + url.search + url.hash };
}
