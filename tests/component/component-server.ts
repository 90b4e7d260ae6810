/** Drives the resource engine of the component as tests/engine/harness.ts drives the raw engine. */
import { raidaServer } from '@andvari/host-common/component';
import { EffectStatus } from '@andvari/host-common/engine/generated/layout';

export type Configuration = raidaServer.Configuration;
type PageSource = (denomination: number, page: number) => Uint8Array | undefined;

const RECORD_BYTES = 48n;

export class ComponentServer {
  readonly engine: raidaServer.Engine;
  /** Every record that was committed. */
  readonly journal: number[] = [];
  private readonly pages: PageSource;
  private readonly now: bigint;
  private answers: raidaServer.Reply[] = [];
  private moved = 0;
  private peers = 0;

  /** `bound`: of another binding than the project's own. */
  constructor(
    configuration: Configuration,
    pages: PageSource,
    now: bigint,
    bound: Pick<typeof raidaServer.Engine, 'configure'> = raidaServer.Engine,
  ) {
    this.engine = bound.configure(configuration);
    this.pages = pages;
    this.now = now;
  }

  /** The reply to a message; undefined: silence. */
  ask(bytes: Uint8Array, datagram: boolean): Uint8Array | undefined {
    const peer = ++this.peers;
    const request = { peer, address: 0, ipv6: false, datagram, local: true, bytes };
    let requests = [request];
    for (let idle = 0; idle < 3; ) {
      const before = this.moved;
      this.moved += this.engine.process(requests, this.now);
      requests = [];
      this.serve();
      this.engine.step(this.now);
      this.serve();
      idle = this.moved === before ? idle + 1 : 0;
    }
    const found = this.answers.filter((answer) => answer.peer === peer);
    this.answers = [];
    if (found.length !== 1) throw new Error(`${found.length} answers to one request`);
    return found[0]?.bytes.length ? found[0].bytes : undefined;
  }

  private serve(): void {
    for (const effect of this.engine.effects()) {
      if (effect.tag === 'load-page') {
        const { slot, denomination, page } = effect.val;
        this.engine.pageLoaded(slot, this.pages(denomination, page));
        this.moved++;
      } else if (effect.tag === 'ask') {
        this.engine.complete(effect.val.slot, EffectStatus.FAILED, new Uint8Array(0));
        this.moved++;
      }
    }
    const { first, records } = this.engine.changes();
    this.journal.push(...records);
    this.engine.commit(first + BigInt(records.length) / RECORD_BYTES);
    const replies = this.engine.drain();
    this.moved += replies.length;
    this.answers.push(...replies);
  }

  end(): void {
    this.engine[Symbol.dispose]();
  }
}
