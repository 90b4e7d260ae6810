/** Multiaddrs: who is counted together at the gate, and where a WebSocket of one goes. */

const IPV4 = /^\/(?:ip4\/|ip6\/::ffff:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/|$)/;
const IPV6 = /^\/ip6\/([0-9a-f:.]+)(?:\/|$)/i;

/**
 * 32 bits for a multiaddr: of one IPv4 address, or the network half of an IPv6 one. `key`: random,
 * of this process.
 */
export function addressWord(multiaddr: string, key: number): number {
  const four = IPV4.exec(multiaddr);
  if (four) return four.slice(1).reduce((word, part) => (word * 256 + Number(part)) >>> 0, 0);
  const six = IPV6.exec(multiaddr)?.[1];
  return keyedWord(six ? networkHalf(six) : (multiaddr.split('/')[2] ?? ''), key);
}

const WEBSOCKET =
  /^\/(ip[46]|dns[46]?)\/([0-9A-Za-z.:_-]+)\/tcp\/(\d{1,5})\/(wss?|tls\/ws)(?:\/p2p\/\w+)?$/;

/** `ws://host:port/` or `wss://host:port/`; undefined for a multiaddr of anything else. */
export function webSocketUrl(multiaddr: string): string | undefined {
  const [, kind, host = '', port, carrier] = WEBSOCKET.exec(multiaddr) ?? [];
  if (kind === undefined) return undefined;
  const scheme = carrier === 'ws' ? 'ws' : 'wss';
  const url = `${scheme}://${kind === 'ip6' ? `[${host}]` : host}:${port}/`;
  return URL.canParse(url) ? new URL(url).href : undefined;
}

/** The first four groups, however they are written. */
function networkHalf(address: string): string {
  const [head = '', tail] = address.toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail ? tail.split(':') : [];
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length);
  const groups = [...before, ...new Array<string>(zeros).fill('0'), ...after];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}

/** FNV-1a from a start that nobody outside knows, and mixed at the end. */
function keyedWord(text: string, key: number): number {
  let word = (key ^ 0x811c9dc5) >>> 0;
  for (let i = 0; i < text.length; i++) word = Math.imul(word ^ text.charCodeAt(i), 0x01000193);
  word = Math.imul(word ^ (word >>> 15) ^ key, 0x2c1b3c6d);
  return (word ^ (word >>> 13)) >>> 0;
}
