/** A process of ratatoskr-load.ts on a core of its own. */
import { Core, PinnedProcess } from './pinned-process.ts';
import type { Connects, Figures, LoadTarget, Mode } from './ratatoskr-load.ts';
import type { Transport } from './ratatoskr-peers.ts';

/**
 * Heaps of the load, so that a run makes no collection that is felt. Over WebSocket all that a run
 * makes has room in a young space of 64 MB. The binding of QUIC makes native objects of each
 * packet, and to collect many of them takes long: there they are collected few at a time, and what
 * is left waits in the old space until the run is over.
 */
const YOUNG_MIB: Record<Transport, number> = { plain: 64, tls: 64, webTransport: 2 };
const OLD_MIB = 512;

export class PinnedLoad {
  readonly #process: PinnedProcess;

  private constructor(process: PinnedProcess) {
    this.#process = process;
  }

  static async start(target: LoadTarget): Promise<PinnedLoad> {
    const youngMiB = YOUNG_MIB[target.transport];
    const flags = [
      ...[`--min-semi-space-size=${youngMiB}`, `--max-semi-space-size=${youngMiB}`],
      ...[`--initial-old-space-size=${OLD_MIB}`, '--no-memory-reducer'],
    ];
    const options = { core: Core.load, args: [JSON.stringify(target)], flags };
    const { process } = await PinnedProcess.start('./ratatoskr-load.ts', options);
    return new PinnedLoad(process);
  }

  /** Connections opened, requests signed, and the server warm: `drive` measures nothing else. */
  prepare(mode: Mode, perSecond: number): Promise<unknown> {
    return this.#process.ask({ prepare: mode, perSecond });
  }

  drive(): Promise<Figures> {
    return this.#process.ask('drive') as Promise<Figures>;
  }

  connects(): Promise<Connects> {
    return this.#process.ask('connects') as Promise<Connects>;
  }

  close(): void {
    this.#process.close();
  }
}
