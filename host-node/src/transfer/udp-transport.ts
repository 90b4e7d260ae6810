/** Datagrams of an endpoint by UDP: by the addon where it is there, else by node:dgram. */
import {
  checkChoice,
  checkObject,
  checkText,
  checkWhole,
} from '@andvari/host-common/transfer/argument-checks';
import type { Datagram, PacketPlaces } from '@andvari/host-common/transfer/datagram-transport';
import { BackendError, backends, type WantedBackend } from '../io/choose-backend.ts';
import { chooseDatagrams } from '../io/choose-datagrams.ts';
import type { DatagramIo } from '../io/datagram-io.ts';
import { NativeDatagrams, type XdpFigures, type XdpPlace } from '../io/native-datagrams.ts';
import type { SocketAddress } from '../io/packet-io.ts';

/** Sockets of af_xdp at the most. */
export const QUEUES_MAX = 64;

export interface UdpOptions {
  /**
   * `auto`: `mmsg`, or `portable` if that is not there; by its name that one or an error. `af_xdp`
   * wants an interface. [auto]
   */
  backend?: WantedBackend;
  /** af_xdp: the interface by which peers come, and how many of its queues [all]. */
  interface?: string | undefined;
  queues?: number | undefined;
}

export class UdpTransport implements DatagramIo {
  private readonly address: SocketAddress;
  private readonly wanted: WantedBackend;
  private readonly xdpPlace: XdpPlace | undefined;
  private io: DatagramIo | undefined;
  /** Why nothing better carries the datagrams; empty when they are carried by the best. */
  better: readonly string[] = [];
  sendPlaced?: (count: number) => boolean;
  prefixChanged?: (place: number, prefix: number) => void;

  /**
   * Binds to this address when it is opened; port 0: any.
   * @throws TypeError, RangeError: a host is a string, a port 0 to 65535, queues 1 to 64
   */
  constructor(
    address: SocketAddress,
    { backend = 'auto', interface: name, queues }: UdpOptions = {},
  ) {
    checkObject('address', address);
    checkText('host', address.host);
    checkWhole('port', address.port, 0, 0xffff);
    checkChoice('backend', backend, backends);
    if (name !== undefined) checkText('interface', name);
    if (queues !== undefined) checkWhole('queues', queues, 1, QUEUES_MAX);
    this.address = address;
    this.wanted = backend;
    this.xdpPlace = name === undefined ? undefined : { interface: name, queues };
  }

  /** `mmsg`, `af_xdp` or `portable`, once it is open. */
  get backend(): string {
    return this.io?.backend ?? '';
  }
  get bound(): SocketAddress {
    return this.io?.bound ?? { host: '', port: 0 };
  }
  get maxDatagramBytes(): number {
    return this.io?.maxDatagramBytes ?? 0;
  }
  get received(): number {
    return this.io?.received ?? 0;
  }
  get sent(): number {
    return this.io?.sent ?? 0;
  }
  get dropped(): number {
    return this.io?.dropped ?? 0;
  }
  /** Of af_xdp, once it is open. */
  get xdp(): XdpFigures | undefined {
    return this.io instanceof NativeDatagrams ? this.io.xdp : undefined;
  }
  get tooLarge(): number {
    return this.io?.tooLarge ?? 0;
  }

  /** @throws PortInUseError, AddressError, BackendError */
  async open(sink: (datagrams: readonly Datagram[]) => void, places?: PacketPlaces): Promise<void> {
    const refusals: string[] = [];
    for (const { io, better } of chooseDatagrams(this.wanted, this.address, this.xdpPlace)) {
      try {
        await io.open(sink, places);
      } catch (error) {
        // Not this way, though it looked open: what the user asked for is not to be guessed.
        if (!(error instanceof BackendError) || this.wanted !== 'auto') throw error;
        refusals.push(`${io.backend}: ${error.why}`);
        continue;
      }
      this.io = io;
      if (io.prefixChanged) {
        this.prefixChanged = (place, prefix) => io.prefixChanged?.(place, prefix);
      }
      this.better = [...better, ...refusals];
      if (places && io.sendPlaced) this.sendPlaced = (count) => io.sendPlaced?.(count) ?? true;
      return;
    }
  }

  send(datagrams: readonly Datagram[]): void {
    this.io?.send(datagrams);
  }

  async close(): Promise<void> {
    await this.io?.close();
  }
}
