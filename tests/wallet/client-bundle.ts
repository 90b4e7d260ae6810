/** What client-page.ts puts into a page of a test: the client as it is, and nothing around it. */
import { platformTransports } from '@andvari/host-common/ratatoskr/client/platform-transports';
import { RatatoskrClient } from '@andvari/host-common/ratatoskr/client/ratatoskr-client';
import { hostEd25519 } from '@andvari/host-common/ratatoskr/ed25519';

export interface ClientBundle {
  RatatoskrClient: typeof RatatoskrClient;
  platformTransports: typeof platformTransports;
  hostEd25519: typeof hostEd25519;
}

Object.assign(globalThis, { bundle: { RatatoskrClient, platformTransports, hostEd25519 } });
