/**
 * The worker's side of every method: who may do what when. The wallet's rules are host-common's;
 * here is only which wallet is open, over which storage and which connection.
 */

import { parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { Wallet, type WalletOperationOptions } from '@andvari/host-common/raida/wallet';
import { SealedWalletStore } from '../storage/sealed-wallet-store.ts';
import { takeTabLock } from '../storage/tab-lock.ts';
import { coinViews, fileLists, lightsText, totalsView } from './coin-views.ts';
import { type Connection, connect } from './connection.ts';
import type { HandlerContext, Handlers } from './message-server.ts';
import {
  type AddedView,
  type NetworkView,
  type TaskProgress,
  type WalletView,
  WorkerFailure,
} from './messages.ts';
import { fetchDemoCoins } from './page-server.ts';

const DATABASE = 'andvari-wallet';
const TAB_LOCK = 'andvari-wallet';
/** An echo has nothing to compute: a server that takes longer counts as silent. */
const ECHO_TIMEOUT_MS = 3_000;

interface OpenWallet {
  readonly store: SealedWalletStore;
  readonly connection: Connection;
  readonly wallet: Wallet;
  readonly releaseTabLock: () => void;
}

type TaskContext = HandlerContext<'detect' | 'pown' | 'settle'>;

export function walletDesk(): Handlers {
  const desk = new WalletDesk();
  return {
    exists: () => SealedWalletStore.exists(DATABASE),
    create: ({ passphrase }) => desk.open(() => SealedWalletStore.create(DATABASE, passphrase)),
    unlock: ({ passphrase }) => desk.open(() => SealedWalletStore.open(DATABASE, passphrase)),
    lock: () => desk.lock(),
    add: ({ name, bytes }) => desk.add(name, bytes),
    demo: async () => desk.add('demo coins', await fetchDemoCoins()),
    servers: (_, context) => desk.servers(context),
    detect: ({ ids }, context) =>
      desk.task(ids, context, (wallet, options) => wallet.detect(ids, options)),
    pown: ({ ids }, context) =>
      desk.task(ids, context, (wallet, options) => wallet.takeOwnership(ids, options)),
    settle: (_, context) => desk.settle(context),
    save: ({ ids }) => desk.save(ids),
    remove: ({ ids }) => desk.remove(ids),
  };
}

class WalletDesk {
  #opened: OpenWallet | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  open(openStore: () => Promise<SealedWalletStore>): Promise<WalletView> {
    return this.#inTurn(() => this.#openWallet(openStore));
  }

  /** Tab lock first, so that of two tabs only one ever reads what it will later overwrite. */
  async #openWallet(openStore: () => Promise<SealedWalletStore>): Promise<WalletView> {
    if (this.#opened !== undefined) return this.#view();
    const releaseTabLock = await takeTabLock(TAB_LOCK);
    let store: SealedWalletStore | undefined;
    try {
      store = await openStore();
      const connection = await connect();
      const wallet = await Wallet.open({ store, client: connection.client });
      this.#opened = { store, connection, wallet, releaseTabLock };
      return this.#view();
    } catch (error) {
      store?.close();
      releaseTabLock();
      throw error;
    }
  }

  lock(): Promise<null> {
    return this.#inTurn(async () => {
      const opened = this.#opened;
      if (opened === undefined) return null;
      this.#opened = undefined;
      opened.wallet.close();
      await opened.connection.close();
      opened.store.close();
      opened.releaseTabLock();
      return null;
    });
  }

  async add(name: string, bytes: Uint8Array): Promise<AddedView> {
    try {
      const file = parseCoinFile(bytes, name);
      const { added, candidates, duplicates } = await this.#inTurn(() =>
        this.#open().wallet.importCoins(file),
      );
      for (const coin of file.coins) coin.authenticationNumbers.fill(0);
      return {
        wallet: this.#view(),
        addedCount: added.length,
        knownCount: duplicates,
        twofoldCount: candidates.length,
      };
    } finally {
      bytes.fill(0);
    }
  }

  /** Also the way back to a network that was not there before. */
  async servers(context: HandlerContext<'servers'>): Promise<NetworkView> {
    const { client, view } = (await this.#reconnected()).connection;
    await client.echo({
      timeoutMs: ECHO_TIMEOUT_MS,
      signal: context.signal,
      onAnswers: ({ answers }) => {
        for (const { raidaId, status, elapsedMs } of answers) {
          context.progress({ raidaId, elapsedMs: status === 'pass' ? elapsedMs : null });
        }
      },
    });
    return view;
  }

  /** A task on coins, with progress; cancelled, it ends well with what was learnt by then. */
  async task(
    ids: readonly number[],
    context: TaskContext,
    run: (wallet: Wallet, options: WalletOperationOptions) => Promise<unknown>,
  ): Promise<WalletView> {
    const { serverIds, fault } = (await this.#reconnected()).connection.view;
    if (fault !== undefined) throw new WorkerFailure('ANDVARI_OFFLINE', fault);
    const progress = (news: TaskProgress) => context.progress(news);
    progress({ stage: 'started', ids, serverIds });
    try {
      const options: WalletOperationOptions = {
        signal: context.signal,
        onLights: ({ raidaId, ids: about, lights }) =>
          progress({ stage: 'answer', raidaId, ids: about, lights: lightsText(lights) }),
      };
      await this.#inTurn(() => run(this.#open().wallet, options));
    } catch (error) {
      if (error !== context.signal.reason) throw error;
    }
    return this.#view();
  }

  settle(context: TaskContext): Promise<WalletView> {
    const { wallet } = this.#open();
    const open = wallet.coins().filter((coin) => coin.openServers > 0);
    const ids = open.map((coin) => coin.id);
    return this.task(ids, context, (now, options) => now.resolvePending(options));
  }

  async save(ids: readonly number[]) {
    const { wallet } = this.#open();
    const tag = `andvari ${new Date().toISOString().slice(0, 10)}`;
    const coins = ids.flatMap((id) => wallet.coin(id) ?? []);
    return fileLists(coins).map((list) => {
      const { name, bytes } = wallet.exportCoins(list, tag);
      return { name, bytes: new Uint8Array(bytes) };
    });
  }

  async remove(ids: readonly number[]): Promise<WalletView> {
    await this.#inTurn(() => this.#open().wallet.remove(ids));
    return this.#view();
  }

  /** Where the network's description was missing, try for it again, with the wallet on top. */
  #reconnected(): Promise<OpenWallet> {
    if (this.#open().connection.view.fault === undefined) return Promise.resolve(this.#open());
    return this.#inTurn(async () => {
      const opened = this.#open();
      if (opened.connection.view.fault === undefined) return opened;
      const connection = await connect();
      const wallet = await Wallet.open({ store: opened.store, client: connection.client });
      opened.wallet.close();
      await opened.connection.close();
      this.#opened = { ...opened, connection, wallet };
      return this.#opened;
    });
  }

  /**
   * One at a time, in the order of asking: a wallet must not be opened anew over a store that the
   * old one is writing to.
   */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(work);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  #open(): OpenWallet {
    if (this.#opened !== undefined) return this.#opened;
    throw new WorkerFailure('ANDVARI_LOCKED', 'The wallet is locked.');
  }

  #view(): WalletView {
    const { wallet, connection } = this.#open();
    return {
      coins: coinViews(wallet.coins()),
      totals: totalsView(wallet.totals()),
      network: connection.view,
    };
  }
}
