/** Posts key files and looks whether those that were acknowledged are there, whole. */
import { Status } from '@andvari/host-common/engine/generated/status';
import type { Ask } from './holders.ts';
import { KEY_COIN } from './server-setup.ts';

const KEPT_MAX = 200;

export class KeyOwner {
  readonly errors: string[] = [];
  acknowledged = 0;
  readonly #random: (below: number) => number;
  /** Content by identifier, both hex; those in doubt may be missing, and nothing else. */
  readonly #kept = new Map<string, string>();
  readonly #doubts = new Map<string, string>();

  constructor(random: (below: number) => number) {
    this.#random = random;
  }

  async step(ask: Ask): Promise<void> {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16)));
    const data = Buffer.from(crypto.getRandomValues(new Uint8Array(128)));
    const [start, length] = [this.#random(20), 1 + this.#random(100)];
    const coin = Buffer.alloc(5);
    coin.writeInt8(KEY_COIN.denomination);
    coin.writeUInt32BE(KEY_COIN.serialNumber, 1);
    const place = Buffer.of(start, length);
    const content = Buffer.concat([coin, data.subarray(start, start + length)]).toString('hex');
    const name = id.toString('hex');
    this.#doubts.set(name, content);
    const reply = await ask('postKey', Buffer.concat([id, Buffer.alloc(16), coin, data, place]));
    if (!reply || reply.status === Status.INTERNAL) return;
    this.#doubts.delete(name);
    if (reply.status === Status.SUCCESS) {
      this.#kept.set(name, content);
      this.acknowledged++;
    } else if (reply.status !== Status.MEMORY) this.errors.push(`post key: ${reply.status}`);
  }

  async resolve(ask: Ask): Promise<void> {
    for (const [list, inDoubt] of [
      [this.#kept, false],
      [this.#doubts, true],
    ] as const) {
      for (const [name, content] of list) {
        const id = Buffer.concat([Buffer.from(name, 'hex'), Buffer.alloc(21)]);
        const reply = await ask('getKey', id);
        const told = Buffer.from(reply?.payload ?? []).toString('hex');
        const missing = reply?.status === Status.FILESYSTEM;
        const whole = reply?.status === Status.SUCCESS && told === content;
        if (!whole && !(inDoubt && missing)) {
          this.errors.push(`key ${name}: status ${reply?.status}, ${told.length / 2} bytes`);
        }
      }
    }
    this.#doubts.clear();
    for (const name of [...this.#kept.keys()].slice(0, -KEPT_MAX)) this.#kept.delete(name);
  }
}
