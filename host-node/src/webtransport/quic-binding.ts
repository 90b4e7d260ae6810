/**
 * The part of quiche's N-API binding that we use (`@matrixai/quic-<platform>-<processor>`, quiche
 * 0.18). The package is optional: it exists for a few platforms, and wants glibc 2.34 on Linux.
 *
 * Errors of the binding are Error with the name of quiche's error as message, with its number:
 * `StreamReset(5)`.
 */
import { createRequire } from 'node:module';

export interface HostPort {
  host: string;
  port: number;
}

export interface QuicConfig {
  setApplicationProtos(names: string[]): void;
  setMaxIdleTimeout(ms: number): void;
  setMaxRecvUdpPayloadSize(bytes: number): void;
  setMaxSendUdpPayloadSize(bytes: number): void;
  setInitialMaxData(bytes: number): void;
  setInitialMaxStreamDataBidiLocal(bytes: number): void;
  setInitialMaxStreamDataBidiRemote(bytes: number): void;
  setInitialMaxStreamDataUni(bytes: number): void;
  setInitialMaxStreamsBidi(count: number): void;
  setInitialMaxStreamsUni(count: number): void;
  setMaxConnectionWindow(bytes: number): void;
  setMaxStreamWindow(bytes: number): void;
  setDisableActiveMigration(disable: boolean): void;
  enableDgram(enabled: boolean, receiveQueue: number, sendQueue: number): void;
  enablePacing(enabled: boolean): void;
  setCcAlgorithmName(name: 'reno' | 'cubic' | 'bbr'): void;
  grease(enabled: boolean): void;
}

export interface QuicConnectionError {
  isApp: boolean;
  errorCode: number;
  reason: Uint8Array;
}

/** null everywhere: nothing to be had now (quiche's `Done`). */
export interface NativeConnection {
  recv(packet: Uint8Array, info: { from: HostPort; to: HostPort }): number;
  send(out: Uint8Array): [bytes: number, info: { to: HostPort }] | null;
  streamRecv(id: number, out: Uint8Array): [bytes: number, fin: boolean] | null;
  streamSend(id: number, bytes: Uint8Array, fin: boolean): number | null;
  streamShutdown(id: number, direction: number, code: number): undefined | null;
  /** Throws StreamStopped, or InvalidStreamState for a stream that QUIC has forgotten. */
  streamCapacity(id: number): number;
  streamFinished(id: number): boolean;
  peerStreamsLeftBidi(): number;
  peerStreamsLeftUni(): number;
  /** Any stream, or a datagram. */
  isReadable(): boolean;
  streamReadable(id: number): boolean;
  readable(): Iterable<number>;
  dgramRecvVec(): Uint8Array | null;
  dgramSend(bytes: Uint8Array): undefined | null;
  dgramMaxWritableLen(): number | null;
  timeout(): number | null;
  onTimeout(): void;
  close(app: boolean, code: number, reason: Uint8Array): undefined | null;
  sendAckEliciting(): void;
  isEstablished(): boolean;
  isDraining(): boolean;
  isClosed(): boolean;
  isTimedOut(): boolean;
  peerError(): QuicConnectionError | null;
  localError(): QuicConnectionError | null;
  /** What QUIC measures of each path; `rtt`: the smoothed round trip in ms. */
  pathStats(): { rtt: number }[];
  /** DER, the peer's own first; null before it has shown one. */
  peerCertChain(): Uint8Array[] | null;
}

export interface QuicHeader {
  ty: number;
  version: number;
  dcid: Uint8Array;
  scid: Uint8Array;
  token?: Uint8Array;
}

export interface QuicBinding {
  readonly Type: { readonly Initial: number };
  readonly Shutdown: { readonly Read: number; readonly Write: number };
  readonly Config: {
    withBoringSslCtx(
      verifyPeer: boolean,
      verifyAllowFail: boolean,
      ca?: Uint8Array | null,
      keys?: Uint8Array[] | null,
      certificates?: Uint8Array[] | null,
    ): QuicConfig;
  };
  readonly Connection: {
    accept(
      scid: Uint8Array,
      odcid: Uint8Array | null,
      local: HostPort,
      remote: HostPort,
      config: QuicConfig,
    ): NativeConnection;
    connect(
      serverName: string | null,
      scid: Uint8Array,
      local: HostPort,
      remote: HostPort,
      config: QuicConfig,
    ): NativeConnection;
  };
  readonly Header: { fromSlice(packet: Uint8Array, dcidBytes: number): QuicHeader };
  versionIsSupported(version: number): boolean;
  negotiateVersion(scid: Uint8Array, dcid: Uint8Array, out: Uint8Array): number;
  retry(
    scid: Uint8Array,
    dcid: Uint8Array,
    newScid: Uint8Array,
    token: Uint8Array,
    version: number,
    out: Uint8Array,
  ): number;
}

/** There is no QUIC here: the optional package is not installed, or does not run. */
export class WebTransportUnavailableError extends Error {
  readonly code = 'ANDVARI_WEBTRANSPORT_UNAVAILABLE';

  constructor(packageName: string, cause: unknown) {
    const missing = (cause as NodeJS.ErrnoException | undefined)?.code === 'MODULE_NOT_FOUND';
    const why = missing ? 'is not installed' : `does not load: ${(cause as Error).message}`;
    super(`WebTransport is not available: the optional package ${packageName} ${why}`, { cause });
    this.name = 'WebTransportUnavailableError';
  }
}

/**
 * The binding of this platform.
 * @param platform as `linux-x64`; another one for tests
 * @throws WebTransportUnavailableError
 */
export function loadQuicBinding(platform = `${process.platform}-${process.arch}`): QuicBinding {
  const packageName = `@matrixai/quic-${platform}`;
  try {
    return createRequire(import.meta.url)(packageName) as QuicBinding;
  } catch (error) {
    throw new WebTransportUnavailableError(packageName, error);
  }
}
