/** The requests of the benchmark, sealed before it, as files that the load reads (load.h). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { EngineCodec, type RaidaRequest } from '@andvari/host-common/raida/codec';
import { aes, anOf, auth, back, coin, there } from '../requests.ts';

/** Coins of the store, each of which encrypts and is detected in turn. */
export const COINS = 512;
/** Bytes of an echo request: a header (32), challenge (16), payload, trailer (2). */
const ECHO_BYTES = 64;
const ECHO_PAYLOAD = ECHO_BYTES - 32 - 16 - 2;
/** Bytes 30 and 31 of the header. */
const ECHO_AT = 30;
const ECHOES = 4096;

export const KINDS = ['echo', 'detect', 'pown'] as const;
export type Kind = (typeof KINDS)[number];
/** Wire status of every good reply. */
export const STATUS: Record<Kind, number> = { echo: 250, detect: 241, pown: 241 };

function requestsOf(kind: Kind): (() => RaidaRequest)[] {
  const each = (count: number, make: (i: number) => RaidaRequest) =>
    Array.from({ length: count }, (_, i) => () => make(i));
  const payload = new Uint8Array(ECHO_PAYLOAD);
  if (kind === 'echo') return each(ECHOES, () => ({ raidaId: 0, group: 0, command: 0, payload }));
  if (kind === 'detect') {
    return each(ECHOES, (i) => {
      const serial = i % COINS;
      return auth(10, coin(0, serial, anOf(0, serial)), aes(serial));
    });
  }
  // To another AN and back: a coin's way back is asked for long after its way there.
  return [there, back].flatMap((way) =>
    each(COINS, (i) => auth(20, way(i), aes((i + COINS / 2) % COINS))),
  );
}

/** Writes one file a kind; gives their paths. */
export async function writeMessages(folder: string): Promise<Record<Kind, string>> {
  const codec = new EngineCodec(await plainEngine(), { wire: 'spec', coinId: 6 });
  const paths = { echo: '', detect: '', pown: '' };
  for (const kind of KINDS) {
    const taken = new Set<number>();
    const parts: Uint8Array[] = [];
    for (const make of requestsOf(kind)) {
      const bytes = distinct(() => codec.seal(make()).bytes, taken);
      parts.push(Uint8Array.of(bytes.length >>> 8, bytes.length & 255), bytes);
    }
    paths[kind] = join(folder, `${kind}.requests`);
    writeFileSync(paths[kind], Buffer.concat(parts));
  }
  return paths;
}

/** The nonce, and with it the echo, is random: drawn again until no other request has it. */
function distinct(seal: () => Uint8Array, taken: Set<number>): Uint8Array {
  for (;;) {
    const bytes = new Uint8Array(seal());
    const echo = ((bytes[ECHO_AT] ?? 0) << 8) | (bytes[ECHO_AT + 1] ?? 0);
    if (taken.has(echo)) continue;
    taken.add(echo);
    return bytes;
  }
}
