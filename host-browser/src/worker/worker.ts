/** The worker's entry: engine, client, wallet and storage live here, so the page never waits. */

import { serveMessages } from './message-server.ts';
import type { MessageEnd } from './messages.ts';
import { walletDesk } from './wallet-desk.ts';

serveMessages(globalThis as unknown as MessageEnd, walletDesk());
