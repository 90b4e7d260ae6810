/** What a node of files tells a monitor of its searches for direct ways. */
import { Counter, type Registry } from 'prom-client';
import type { TransferNode } from './node.ts';

/** Labels are our own words alone: no key, no address. */
export function registerTransferMetrics(registry: Registry, node: TransferNode): void {
  const counter = (name: string, help: string, values: () => Record<string, number>) =>
    new Counter({
      name: `andvari_transfer_${name}_total`,
      ...{ help, labelNames: ['result'], registers: [registry] },
      collect() {
        this.reset();
        for (const [result, count] of Object.entries(values())) this.inc({ result }, count);
      },
    });
  counter(
    'upgrades',
    'Searches of sessions at the relay for a direct way: begun, and how they ended.',
    () => node.counts.upgrades.ended,
  );
  counter(
    'upgrade_refusals',
    'What peers, or others in their name, wanted of such a search and did not get.',
    () => ({ ...node.counts.upgrades.refused }),
  );
  counter('stun_answers', 'Datagrams of STUN servers, and what is none.', () => node.counts.stun);
}
