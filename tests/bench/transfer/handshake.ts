/**
 * What a handshake costs its two sides, one core, no sockets: with keys that a host draws when it
 * has nothing else to do (a row of their own), X25519 by node:crypto and by noble.
 */
import { drawEphemeral } from '@andvari/host-common/transfer/elligator2';
import { identityOf } from '@andvari/host-common/transfer/identity';
import { Initiator } from '@andvari/host-common/transfer/initiator';
import { nobleX25519, type X25519Provider } from '@andvari/host-common/transfer/x25519';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { HOME, must, replyOf, World } from '../../transfer/handshake-world.ts';

const SLICES = 30;
const HANDSHAKES = 10;

export interface HandshakeRow {
  what: string;
  /** Microseconds of one. */
  us: number;
}

/** The least time of one call in many short slices: other programs only add to it. */
function least(calls: number, run: () => void): number {
  let us = Number.POSITIVE_INFINITY;
  for (let slice = 0; slice < SLICES; slice++) {
    const start = performance.now();
    for (let i = 0; i < calls; i++) run();
    us = Math.min(us, ((performance.now() - start) * 1000) / calls);
  }
  return us;
}

function sides(provider: X25519Provider): HandshakeRow[] {
  const world = new World();
  world.provider = provider;
  const drawn = Array.from({ length: 32 }, () => drawEphemeral(world.random));
  let taken = 0;
  const take = () => {
    const key = must(drawn[taken++ % drawn.length]);
    return { ...key, secret: Uint8Array.from(key.secret) };
  };
  // Other representatives than the replay cache has seen: of keys that are drawn untimed.
  const callers = { take: () => drawEphemeral(world.random) };
  const caller = world.options(1, { ephemerals: callers });
  const responder = world.responder(2, { ephemerals: { take } });
  const { peerId } = identityOf(new Uint8Array(32).fill(2));
  const rows = { caller: Number.POSITIVE_INFINITY, called: Number.POSITIVE_INFINITY };
  for (let slice = 0; slice < SLICES; slice++) {
    const spent = { caller: 0, called: 0 };
    for (let i = 0; i < HANDSHAKES; i++) {
      const key = callers.take();
      const options = { ...caller, ephemerals: { take: () => key } };
      const times = [performance.now()];
      const initiator = new Initiator(options, peerId, world.now);
      const first = must(initiator.take());
      times.push(performance.now());
      const second = replyOf(responder.receiveFirst(first, HOME, world.now));
      times.push(performance.now());
      initiator.receive(second, world.now);
      const third = must(initiator.take());
      times.push(performance.now());
      const heard = responder.receiveThird(third, HOME, world.now);
      times.push(performance.now());
      if (heard.kind !== 'agreed') throw new Error(`message 3 was taken for ${heard.kind}`);
      const [a = 0, b = 0, c = 0, d = 0, e = 0] = times;
      spent.caller += b - a + (d - c);
      spent.called += c - b + (e - d);
    }
    rows.caller = Math.min(rows.caller, (spent.caller * 1000) / HANDSHAKES);
    rows.called = Math.min(rows.called, (spent.called * 1000) / HANDSHAKES);
  }
  return [
    { what: `calling, X25519 by ${provider.name}`, us: rows.caller },
    { what: `being called, X25519 by ${provider.name}`, us: rows.called },
  ];
}

export function benchHandshake(): HandshakeRow[] {
  const world = new World();
  const responder = world.responder();
  const forged = new Uint8Array(96).fill(0xff);
  return [
    ...sides(nodeX25519),
    ...sides(nobleX25519),
    { what: 'an ephemeral key, drawn', us: least(4, () => void drawEphemeral(world.random)) },
    {
      what: 'a message 1 without a good MAC',
      us: least(200, () => void responder.receiveFirst(forged, HOME, world.now)),
    },
  ];
}
