/**
 * The worker's side of every method: who may do what when. The wallet's rules are host-common's;
 * here is only which wallet is open, over which storage and which connection.
 */

import { parseCoinFile } from '@andvari/host-common/raida/coin-file';
import { openDigests } from '@andvari/host-common/raida/digests';
import { parseLockerCode } from '@andvari/host-common/raida/locker-code';
import { Wallet, type WalletOperationOptions } from '@andvari/host-common/raida/wallet';
import { coinsForAmount } from '@andvari/host-common/raida/wallet-amount';
import type { LockerView } from '@andvari/host-common/raida/wallet-locker';
import { SealedWalletStore, type Vault } from '../storage/sealed-wallet-store.ts';
import { takeTabLock } from '../storage/tab-lock.ts';
import { coinViews, fileLists, lightsText, totalsView } from './coin-views.ts';
import { type Connection, connect } from './connection.ts';
import { LockerDesk } from './locker-desk.ts';
import type { HandlerContext, Handlers } from './message-server.ts';
import { WorkerFailure } from './messages.ts';
import { fetchDemoCoins } from './page-server.ts';
import { PeerRoom } from './peer/peer-room.ts';
import { RatatoskrDesk } from './ratatoskr-desk.ts';
import { ratatoskrHandlers } from './ratatoskr-handlers.ts';
import { TransferDesk } from './transfer/transfer-desk.ts';
import { transferHandlers } from './transfer/transfer-handlers.ts';
import { UnfinishedWork } from './unfinished-work.ts';
import type {
  AddedView,
  ContentsView,
  LockerSource,
  NetworkView,
  PassedOnView,
  Selection,
  SentView,
  TakenView,
  WalletView,
} from './views.ts';
import type { Task, TaskContext } from './wallet-task.ts';

const DATABASE = 'andvari-wallet';
const TAB_LOCK = 'andvari-wallet';
/** An echo has nothing to compute: a server that takes longer counts as silent. */
const ECHO_TIMEOUT_MS = 3_000;

interface OpenWallet {
  readonly store: SealedWalletStore;
  readonly connection: Connection;
  readonly wallet: Wallet;
  readonly lockers: LockerDesk;
  readonly unfinished: UnfinishedWork;
  /** Or why there is none: coins do not depend on it. */
  readonly ratatoskr: RatatoskrDesk | Error;
  readonly releaseTabLock: () => void;
}

export function walletDesk(): Handlers {
  const [desk, files] = [new WalletDesk(), new TransferDesk()];
  const peers = new PeerRoom(() => desk.peerVault);
  return {
    exists: () => SealedWalletStore.exists(DATABASE),
    create: ({ passphrase }) => desk.open(() => SealedWalletStore.create(DATABASE, passphrase)),
    unlock: ({ passphrase }) => desk.open(() => SealedWalletStore.open(DATABASE, passphrase)),
    lock: async () => {
      await Promise.all([files.close(), peers.close()]);
      return desk.lock();
    },
    add: ({ name, bytes }) => desk.add(name, bytes),
    demo: async () => desk.add('demo coins', await fetchDemoCoins()),
    servers: (_, context) => desk.servers(context),
    detect: async ({ ids }, context) => {
      await desk.task({ ids, run: (wallet, options) => wallet.detect(ids, options) }, context);
      return desk.view();
    },
    pown: async ({ ids }, context) => {
      const run: Task<void>['run'] = (wallet, options) => wallet.takeOwnership(ids, options);
      await desk.task({ ids, run }, context);
      return desk.view();
    },
    settle: (_, context) => desk.settle(context),
    heal: (selection, context) => desk.heal(selection, context),
    choose: ({ units }) => desk.choose(units),
    send: (selection, context) => desk.send(selection, context),
    lockerCode: async ({ lockerId }) => desk.lockerCode(lockerId),
    checkLockers: (_, context) => desk.checkLockers(context),
    passOn: ({ lockerId }, context) => desk.passOn(lockerId, context),
    peek: ({ code }, context) => desk.peek(code, context),
    take: (source, context) => desk.take(source, context),
    dropUnfinished: () => desk.dropUnfinished(),
    save: ({ ids }) => desk.save(ids),
    remove: ({ ids }) => desk.remove(ids),
    ...ratatoskrHandlers(desk),
    ...peers.handlers,
    ...transferHandlers(files, () => desk.view().network),
  };
}

export class WalletDesk {
  #opened: OpenWallet | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  get ratatoskr(): RatatoskrDesk {
    const { ratatoskr } = this.#open();
    if (ratatoskr instanceof Error) throw ratatoskr;
    return ratatoskr;
  }

  get peerVault(): Vault {
    return this.#open().store.vault('peer');
  }

  open(openStore: () => Promise<SealedWalletStore>): Promise<WalletView> {
    return this.#inTurn(() => this.#openWallet(openStore));
  }

  /** Tab lock first, so that of two tabs only one ever reads what it will later overwrite. */
  async #openWallet(openStore: () => Promise<SealedWalletStore>): Promise<WalletView> {
    if (this.#opened !== undefined) return this.view();
    const releaseTabLock = await takeTabLock(TAB_LOCK);
    let store: SealedWalletStore | undefined;
    try {
      store = await openStore();
      const connection = await connect();
      const wallet = await Wallet.open({ store, client: connection.client });
      const unfinished = await UnfinishedWork.load(store);
      const lockers = new LockerDesk(wallet);
      const ratatoskr = await RatatoskrDesk.open(store.vault('ratatoskr')).catch(
        (error: Error) => error,
      );
      const rest = { lockers, unfinished, ratatoskr, releaseTabLock };
      this.#opened = { store, connection, wallet, ...rest };
      return this.view();
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
      if (opened.ratatoskr instanceof RatatoskrDesk) await opened.ratatoskr.close();
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
        wallet: this.view(),
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
    const { client, look } = (await this.#reconnected()).connection;
    await client.echo({
      timeoutMs: ECHO_TIMEOUT_MS,
      signal: context.signal,
      onAnswers: ({ answers }) => {
        for (const { raidaId, status, elapsedMs } of answers) {
          context.progress({ raidaId, elapsedMs: status === 'pass' ? elapsedMs : null });
        }
      },
    });
    return look();
  }

  /** Work with progress. Cancelled, it ends well, with undefined and what was learnt by then. */
  async task<Result>(
    { ids, run, note }: Task<Result>,
    context: TaskContext,
  ): Promise<Result | undefined> {
    const { serverIds } = await this.#online();
    const { progress } = context;
    progress({ stage: 'started', ids, serverIds });
    const options: WalletOperationOptions = {
      signal: context.signal,
      onLights: ({ raidaId, ids: about, lights }) =>
        progress({ stage: 'answer', raidaId, ids: about, lights: lightsText(lights) }),
      onStage: ({ stage, done, total }) => progress({ stage: 'step', step: stage, done, total }),
    };
    try {
      return await this.#inTurn(() => {
        const { wallet, unfinished } = this.#open();
        const work = () => run(wallet, options);
        return note === undefined ? work() : unfinished.during(note, work);
      });
    } catch (error) {
      if (error !== context.signal.reason) throw error;
      return undefined;
    }
  }

  async settle(context: TaskContext): Promise<WalletView> {
    const { wallet } = this.#open();
    const open = wallet.coins().filter((coin) => coin.openServers > 0);
    const ids = open.map((coin) => coin.id);
    await this.task({ ids, run: (now, options) => now.resolvePending(options) }, context);
    return this.view();
  }

  async heal({ ids }: Selection, context: TaskContext): Promise<WalletView> {
    // Of what an earlier page was cut off in, coins may have gone elsewhere meanwhile.
    const here = ids.filter((id) => this.#open().wallet.coin(id)?.place === 'wallet');
    const note = { kind: 'heal', ids: here } as const;
    await this.task(
      { ids: here, note, run: (wallet, options) => wallet.heal(here, options) },
      context,
    );
    return this.view();
  }

  async choose(units: bigint): Promise<Selection> {
    const coins = this.#open().wallet.coins();
    const free = coins.filter(({ place, busy }) => place === 'wallet' && !busy);
    return { ids: coinsForAmount(free, units) };
  }

  /** What was put is looked at afterwards: the code is shown only for coins that can be taken. */
  async send({ ids }: Selection, context: TaskContext, code?: string): Promise<SentView> {
    const chosen = code === undefined ? {} : { code };
    const result = await this.task(
      { ids, run: (wallet, options) => wallet.lock(ids, { ...options, ...chosen }) },
      context,
    );
    if (result !== undefined) await this.#checkCode(result.code);
    const id = result && this.#open().lockers.idOf(result.code);
    return {
      wallet: this.view(),
      ...(id === undefined ? {} : { lockerId: id }),
      lockedCount: result?.locked.length ?? 0,
      pendingCount: result?.pending.length ?? 0,
      returnedCount: result?.returned.length ?? 0,
    };
  }

  /** Id of the locker with this code; undefined: it has no coin of this wallet. */
  lockerOf(code: string): number | undefined {
    return this.#open().lockers.idOf(code);
  }

  locker(code: string): LockerView | undefined {
    return this.#open()
      .wallet.lockers()
      .find((one) => one.code === code);
  }

  lockerCode(id: number): string {
    return this.#open().lockers.code(id);
  }

  async checkLockers({ signal }: Pick<TaskContext, 'signal'>): Promise<WalletView> {
    await this.#online();
    await this.#inTurn(() => this.#open().lockers.checkAll({ signal }));
    return this.view();
  }

  async passOn(id: number, { signal }: Pick<TaskContext, 'signal'>): Promise<PassedOnView> {
    await this.#online();
    const counts = await this.#inTurn(() => this.#open().lockers.passOn(id, { signal }));
    return { wallet: this.view(), ...counts };
  }

  async forgetGone(id: number, { signal }: Pick<TaskContext, 'signal'>): Promise<void> {
    await this.#online();
    await this.#inTurn(() => this.#open().lockers.forgetGone(id, { signal }));
  }

  async peek(code: string, context: TaskContext): Promise<ContentsView> {
    const { serverIds } = await this.#online();
    const { coins, answered } = await this.#open().wallet.peek(code, {
      signal: context.signal,
      onStage: ({ stage, done, total }) =>
        context.progress({ stage: 'step', step: stage, done, total }),
    });
    return { coins, answeredCount: answered, serverCount: serverIds.length };
  }

  async take(source: LockerSource, context: TaskContext): Promise<TakenView> {
    const code = parseLockerCode(this.#codeOf(source), await openDigests());
    const note = { kind: 'take', code } as const;
    const result = await this.task(
      { ids: [], note, run: (wallet, options) => wallet.unlock(code, options) },
      context,
    );
    await this.#checkCode(code);
    return {
      wallet: this.view(),
      stopped: result === undefined,
      takenIds: result?.taken ?? [],
      pendingCount: result?.pending.length ?? 0,
      missedCount: result?.missed.length ?? 0,
      leftCount: result?.left.length ?? 0,
    };
  }

  async dropUnfinished(): Promise<WalletView> {
    await this.#inTurn(() => this.#open().unfinished.drop());
    return this.view();
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
    return this.view();
  }

  /** The network as it is, looked for once more. Throws WorkerFailure ANDVARI_OFFLINE. */
  async #online(): Promise<NetworkView> {
    const { view } = (await this.#reconnected()).connection;
    if (view.fault !== undefined) throw new WorkerFailure('ANDVARI_OFFLINE', view.fault);
    return view;
  }

  /** The work itself has ended: what cannot be looked at now is looked at later. */
  async #checkCode(code: string): Promise<void> {
    try {
      await this.#inTurn(() => this.#open().lockers.checkCode(code, {}));
    } catch {
      // The locker is then shown as not checked.
    }
  }

  #codeOf(source: LockerSource): string {
    if (source.from === 'code') return source.code;
    const { lockers, unfinished } = this.#open();
    return source.from === 'locker' ? lockers.code(source.lockerId) : unfinished.code();
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
      this.#opened = { ...opened, connection, wallet, lockers: new LockerDesk(wallet) };
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

  view(): WalletView {
    const { wallet, connection, lockers, unfinished } = this.#open();
    const offer = unfinished.view();
    return {
      coins: coinViews(wallet.coins()),
      totals: totalsView(wallet.totals()),
      network: connection.view,
      lockers: lockers.views(),
      ...(offer === undefined ? {} : { unfinished: offer }),
    };
  }
}
