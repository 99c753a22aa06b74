/**
 * Where a link that a model wrote may lead. A page on this computer or its network could be an app that trusts whoever
 * calls it from here, Nibble's own among them: such addresses are shown as text, to be copied by whoever means them.
 */

/** Names that stand for this computer, its network or nothing at all, whatever stands before them (RFC 6761, 6762, 8375). */
const LOCAL_NAMES = [
  'localhost',
  'local',
  'internal',
  'intranet',
  'lan',
  'home',
  'corp',
  'private',
  'localdomain',
  'home.arpa',
  'test',
  'invalid',
];

/** Four numbers of an IPv4 address as URL writes it; null for a name. */
function ipv4(host: string): readonly [number, number] | null {
  const match = /^(\d{1,3})\.(\d{1,3})\.\d{1,3}\.\d{1,3}$/.exec(host);
  return match === null ? null : [Number(match[1]), Number(match[2])];
}

/** Loopback, private, link-local, shared, multicast and reserved ranges (RFC 6890). */
function isPublicIpv4([a, b]: readonly [number, number]): boolean {
  return !(
    a === 0 ||
    a === 10 ||
    a === 127 ||
    (a === 100 && b >= 64 && b < 128) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b < 32) ||
    (a === 192 && (b === 168 || b === 0)) ||
    (a === 198 && (b === 18 || b === 19)) ||
    a >= 224
  );
}

/** Whether a host is a name or an address of the public internet. */
function isPublicHost(hostname: string): boolean {
  const host = hostname.toLowerCase().replace(/\.$/, '');
  // Global unicast begins with 2 or 3. Tunnels (2002:, 2001:0) can hold a private IPv4 address.
  if (host.startsWith('['))
    return (
      /^\[[23][0-9a-f]{3}:/.test(host) && !/^\[(?:2002:|2001:(?:0{0,4}:|[0-9a-f]{1,2}:))/.test(host)
    );
  const address = ipv4(host);
  if (address !== null) return isPublicIpv4(address);
  // A name without a dot is one of the network here.
  if (!host.includes('.')) return false;
  return !LOCAL_NAMES.some((name) => host.endsWith(`.${name}`));
}

/** A page of the public web that can be opened; null for every other address. */
export interface LinkTarget {
  readonly href: string;
  /** What a person must know before going there. */
  readonly host: string;
}

/** Reads an address as the browser would: numbers in any notation, odd letters, names and passwords before the host. */
export function linkTarget(href: string | undefined): LinkTarget | null {
  // A page of the app itself has no scheme.
  if (href === undefined || !/^https?:/i.test(href) || !URL.canParse(href)) return null;
  const url = new URL(href);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return null;
  // Nobody links with a password but to look like another host.
  if (url.username !== '' || url.password !== '') return null;
  return isPublicHost(url.hostname) ? { href: url.href, host: url.host } : null;
}
