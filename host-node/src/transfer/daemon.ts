/**
 * A node that runs by itself: it takes what trusted peers send into a folder, and tells whoever may
 * open its control socket what is on its way (reference: transfer, section 10).
 */
import { checkKnown, checkText } from '@andvari/host-common/transfer/argument-checks';
import type { FileTransfer } from '@andvari/host-common/transfer/files/file-transfer';
import { peerIdText } from '@andvari/host-common/transfer/peer-id-text';
import { makeDirectory } from '../files/directory.ts';
import { formatAddress } from '../http/socket-address.ts';
import { ControlError, ControlSocket } from '../io/control-socket.ts';
import type { Logger } from '../log/logger.ts';
import { oneLine } from './call-peer.ts';
import { makeDataFolder } from './data-folder.ts';
import { TransferNode } from './node.ts';
import type { TransferNodeConfig } from './node-config.ts';
import { socketAddressOf } from './socket-address.ts';
import type { TransferOffer } from './transfer-receiver.ts';

const FOLDER_MODE = 0o750;

export interface TransferDaemonOptions extends TransferNodeConfig {
  dataFolder: string;
  /** Made if it is not there. */
  folder: string;
  controlSocket: string;
}

/** The node has no such transfer. */
export class TransferUnknownError extends Error {
  override readonly name = 'TransferUnknownError';
  readonly code = 'ANDVARI_TRANSFER_UNKNOWN';
}

export class TransferDaemon {
  readonly node: TransferNode;
  readonly #folder: string;
  readonly #logger: Logger;
  #control: ControlSocket | undefined;
  #receiving: Promise<void> = Promise.resolve();

  private constructor(node: TransferNode, folder: string, logger: Logger) {
    this.node = node;
    this.#folder = folder;
    this.#logger = logger;
  }

  /**
   * Receives from then on.
   * @throws DirectoryError, ControlError; what TransferNode.create() and receive() do
   */
  static async open(
    { folder, controlSocket, ...config }: TransferDaemonOptions,
    logger: Logger,
  ): Promise<TransferDaemon> {
    makeDirectory(folder, FOLDER_MODE);
    makeDataFolder(config.dataFolder);
    const onTrustError = (error: unknown) =>
      logger.warn(factsOf(error), 'peers cannot be looked up');
    const node = await TransferNode.create({ ...config, onTrustError });
    const daemon = new TransferDaemon(node, folder, logger);
    try {
      await daemon.#begin(controlSocket);
      return daemon;
    } catch (error) {
      await daemon.close();
      throw error;
    }
  }

  /** Ends what comes, which goes on another time; then nothing is open any more. */
  async close(): Promise<void> {
    await this.#control?.close();
    await this.node.shutdown();
    await this.#receiving;
  }

  async #begin(controlSocket: string): Promise<void> {
    this.#control = await ControlSocket.open(controlSocket, (request) => this.#answer(request));
    const receiver = this.node.receive({ into: this.#folder });
    const receive = async () => {
      const coming = new Set<Promise<void>>();
      for await (const offer of receiver) {
        const taken = this.#take(offer).finally(() => coming.delete(taken));
        coming.add(taken);
      }
      await Promise.all(coming);
    };
    this.#receiving = receive();
  }

  /** Only trusted peers are let in: what they send is wanted. One that fails ends nothing else. */
  async #take(offer: TransferOffer): Promise<void> {
    const of = { peer: peerIdText(offer.peerId), file: oneLine(offer.name), bytes: offer.size };
    try {
      const transfer = await offer.accept();
      this.#logger.info({ ...of, way: transfer.way }, 'a file comes');
      const { path, durationS } = await transfer.completion;
      const { way, upgrade } = transfer.route;
      const why = upgrade.why && { whyRelayed: upgrade.why.code };
      this.#logger.info({ ...of, path, durationS, way, ...why }, 'a file has come');
    } catch (error) {
      await offer.reject();
      this.#logger.warn({ ...of, ...factsOf(error) }, 'a file has not come');
    }
  }

  #answer(request: unknown): object {
    const { command, id } = requestOf(request);
    if (command === 'status') return this.#status();
    if (command === 'cancel' && id !== undefined) return this.#cancel(id);
    throw new ControlError('ANDVARI_CONTROL_PROTOCOL', 'wanted status, or cancel with an id');
  }

  #status(): object {
    const { node } = this;
    const transfers = node.transfers.map(statusOf);
    return { peer: peerIdText(node.publicKey), ...node.bound, transfers };
  }

  /** By the first digits of its id, as far as they mean one. */
  #cancel(id: string): object {
    const meant = this.node.transfers.filter((transfer) => idOf(transfer).startsWith(id));
    const [transfer, another] = meant;
    if (!transfer || another) {
      const many = another ? `${meant.length} transfers have` : 'no transfer has';
      throw new TransferUnknownError(`${many} an id that begins with ${JSON.stringify(id)}`);
    }
    void transfer.cancel();
    return { cancelled: idOf(transfer) };
  }
}

function requestOf(request: unknown): { command: unknown; id: string | undefined } {
  try {
    checkKnown('request', request, ['command', 'id']);
    const { command, id } = request as { command: unknown; id?: string };
    if (id !== undefined) checkText('id', id);
    return { command, id };
  } catch (error) {
    throw new ControlError('ANDVARI_CONTROL_PROTOCOL', (error as Error).message, error);
  }
}

/** As `andvari status --json` shows it. */
function statusOf(transfer: FileTransfer): object {
  const { name, direction, peerId, state, progress, rate, eta } = transfer;
  const { way, upgrade } = transfer.route;
  const { farEnd, ...shown } = upgrade;
  const roundTripUs = transfer.route.statistics()?.ROUND_TRIP_US;
  return {
    ...{ id: idOf(transfer), name, direction, peer: peerIdText(peerId), state, ...progress },
    ...{ bytesPerSecond: Math.round(rate), secondsLeft: eta === undefined ? null : Math.ceil(eta) },
    ...{ way, roundTripMs: milliseconds(roundTripUs) },
    upgrade: { ...shown, ...(farEnd && { at: formatAddress(socketAddressOf(farEnd, false)) }) },
  };
}

/** Undefined and null both say that nobody knows; JSON has null. */
function milliseconds(us: number | undefined): number | null {
  return us === undefined ? null : Math.round(us) / 1000;
}

function idOf({ id }: FileTransfer): string {
  return Buffer.from(id).toString('hex');
}

function factsOf(error: unknown): { code: string; why: string } {
  const { code = 'ANDVARI_INTERNAL', message } = error as Error & { code?: string };
  return { code, why: oneLine(message) };
}
