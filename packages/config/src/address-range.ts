/** One IP address or a CIDR range of them, and which addresses lie in it. IPv4 written as IPv6 (`::ffff:10.1.2.3`) is IPv4. */
import { BlockList, isIP, isIPv4 } from 'node:net';

/** What {@link parseAddressRange} takes, in words. */
export const ADDRESS_RANGE_ALLOWED = 'an IPv4 or IPv6 address (10.1.2.3), a CIDR range (10.1.0.0/16, fd00::/8), or "*" for any';

export interface AddressRange {
  readonly family: 'ipv4' | 'ipv6';
  readonly address: string;
  /** 0 … 32 or 128; the whole length for one address. */
  readonly prefixLength: number;
}

/** Undefined when it is neither an address nor a range. */
export function parseAddressRange(text: string): AddressRange | undefined {
  const [written = '', prefix, ...more] = text.split('/');
  if (more.length > 0 || isIP(written) === 0 || written.includes('%')) return undefined;
  if (prefix !== undefined && !/^\d{1,3}$/.test(prefix)) return undefined;
  const address = plainAddress(written);
  const family = isIPv4(address) ? 'ipv4' : 'ipv6';
  const bits = family === 'ipv4' ? 32 : 128;
  const skippedBits = family === 'ipv4' && !isIPv4(written) ? 96 : 0;
  const prefixLength = prefix === undefined ? bits : Number(prefix) - skippedBits;
  return prefixLength >= 0 && prefixLength <= bits ? { family, address, prefixLength } : undefined;
}

/** False too when the address cannot be read. */
export function rangeContains(range: AddressRange, address: string): boolean {
  const plain = plainAddress(address);
  if (isIP(plain) === 0 || (isIPv4(plain) ? 'ipv4' : 'ipv6') !== range.family) return false;
  const list = new BlockList();
  list.addSubnet(range.address, range.prefixLength, range.family);
  return list.check(plain, range.family);
}

/** Whether only this machine can reach what listens there. */
export function isLoopbackHost(host: string): boolean {
  const plain = plainAddress(host.replace(/^\[(.*)\]$/, '$1'));
  return plain === 'localhost' || plain === '::1' || (isIPv4(plain) && plain.startsWith('127.'));
}

/** Without the zone of a link-local address, and IPv4 where it is mapped into IPv6 (RFC 4291 2.5.5.2). */
function plainAddress(address: string): string {
  const unzoned = address.replace(/%.*$/, '').toLowerCase();
  if (isIP(unzoned) !== 6) return unzoned;
  const canonical = new URL(`http://[${unzoned}]/`).hostname.slice(1, -1);
  const mapped = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/.exec(canonical);
  if (mapped === null) return canonical;
  const value = Number.parseInt(mapped[1] ?? '', 16) * 0x10000 + Number.parseInt(mapped[2] ?? '', 16);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join('.');
}
