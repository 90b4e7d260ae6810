/** A process of ratatoskr-server.ts on a core of its own, with the flags of a server. */
import { serveFlags } from '../../host-node/bin/serve-flags.mjs';
import { Core, PinnedProcess } from './pinned-process.ts';
import type { Ports, Usage } from './ratatoskr-server.ts';

export class PinnedServer {
  readonly ports: Ports;
  readonly #process: PinnedProcess;

  private constructor(process: PinnedProcess, ports: Ports) {
    this.#process = process;
    this.ports = ports;
  }

  /**
   * @param kind as ratatoskr-server.ts takes it
   * @param flags of Node
   */
  static async start(
    kind: string,
    flags: readonly string[] = serveFlags(1),
  ): Promise<PinnedServer> {
    const options = { core: Core.server, args: [kind], flags };
    const { process, hello } = await PinnedProcess.start('./ratatoskr-server.ts', options);
    return new PinnedServer(process, hello as Ports);
  }

  usage(): Promise<Usage> {
    return this.#process.ask('usage') as Promise<Usage>;
  }

  /** Pairs of verify and sign, alone on the core. */
  ed25519(): Promise<{ pairs: number; seconds: number; cpuUs: number }> {
    return this.#process.ask('ed25519') as Promise<{
      pairs: number;
      seconds: number;
      cpuUs: number;
    }>;
  }

  close(): void {
    this.#process.close();
  }
}
