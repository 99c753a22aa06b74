/** Names that stand for this computer, its network or nothing at all (RFC 6761, 6762, 8375). */
const LOCAL_NAME =
  /(?:^|\.)(?:localhost|local|internal|lan|home|intranet|home\.arpa|test|invalid)$/;

function isPrivateIpv4(address: string): boolean {
  const [a = 0, b = 0] = address.split('.').map(Number);
  return (
    a === 0 ||
    a === 10 ||
    a === 127 ||
    a >= 224 ||
    (a === 100 && b >= 64 && b <= 127) ||
    (a === 169 && b === 254) ||
    (a === 172 && b >= 16 && b <= 31) ||
    (a === 192 && b === 168)
  );
}

function isPrivateIpv6(address: string): boolean {
  // Only 2000::/3 is given out for the internet; addresses that hold an IPv4 address are not worth taking apart.
  return !/^[23][0-9a-f]{0,3}:/.test(address) || /^2002:/.test(address);
}

/**
 * Whether an address of the web leads to the internet, and not to this computer or its network, where a page that a
 * stranger links to could reach what trusts its neighbours. Numbers in any notation are read as browsers read them.
 */
export function isPublicAddress(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, hostname, username, password } = new URL(address);
  if (protocol !== 'https:' && protocol !== 'http:') return false;
  if (username !== '' || password !== '') return false;
  const host = hostname.replace(/\.$/, '');
  if (host.startsWith('[')) return !isPrivateIpv6(host.slice(1, -1));
  if (/^[\d.]+$/.test(host)) return !isPrivateIpv4(host);
  // A name without a dot is one of this network.
  return host.includes('.') && !LOCAL_NAME.test(host);
}
