/**
 * One Ratatoskr endpoint, put together: devices, audit log, answers and server key in files,
 * services, listeners.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import type { RatatoskrAddress } from '@andvari/host-common/ratatoskr/address';
import { checkSkew } from '@andvari/host-common/ratatoskr/codec';
import type { Registry } from 'prom-client';
import { makeDirectory } from '../files/directory.ts';
import { createFileDurably } from '../files/durable-file.ts';
import { whyNot } from '../files/why-not.ts';
import { formatAddress, isWildcard } from '../http/socket-address.ts';
import type { SocketAddress } from '../io/packet-io.ts';
import type { Logger } from '../log/logger.ts';
import type { CertificateSource } from '../webtransport/certificates.ts';
import { WebTransportUnavailableError } from '../webtransport/quic-binding.ts';
import type { AdmissionLists } from './admission.ts';
import { AnswerDatabase } from './answers/answer-database.ts';
import { recordedConnections } from './answers/connection-records.ts';
import { AuditLog } from './audit/audit-log.ts';
import { AuditFileError, AuditInUseError, AuditLock } from './audit/audit-place.ts';
import { CertificateWatch } from './certificate-watch.ts';
import { DeviceFileError, reloadRegistry, watchDevices } from './device-file.ts';
import { checkEndpointOptions, checkServices } from './endpoint-options.ts';
import { FileRegistry } from './file-registry.ts';
import { InProcessBus } from './in-process-bus.ts';
import { ANSWERS_PER_HOURLY_RATE, RATE_PER_HOUR } from './limits.ts';
import { registerRatatoskrMetrics } from './metrics.ts';
import { Opened } from './opened.ts';
import type { DeviceRegistry } from './registry.ts';
import { RatatoskrServer, type RatatoskrServerOptions } from './server.ts';
import type { Service } from './service-bus.ts';
import { RATATOSKR_PATH, WebSocketListener } from './websocket-listener.ts';
import { WebTransportListener } from './webtransport-listener.ts';

const SEED_BYTES = 32;

/** The files of an endpoint; their folders are made when they are missing. */
export interface RatatoskrFiles {
  /** The registry (device-file.ts). One that is not there holds no device. */
  devices: string;
  /** 64 hex digits, mode 0600; made when it is not there. */
  serverKey: string;
  audit: string;
  /** What was executed (answer-database.ts). */
  answers: string;
}

/** Services by request_type; the one that gets each `business_request`, named so or not at all. */
export interface EndpointServices {
  routes: ReadonlyMap<string, Service>;
  fallback?: Service;
  close?(): Promise<void> | void;
}

export interface RatatoskrOptions
  extends AdmissionLists,
    Pick<
      RatatoskrServerOptions,
      | ('rates' | 'connectionRate' | 'connectionsMax' | 'skewS' | 'authenticator')
      | ('strictShape' | 'requireV2' | 'replayEntries')
    > {
  /** TCP; WebTransport is on the UDP port of the same number, or on any if that is 0. */
  listen: SocketAddress;
  /** Of the WebSockets; without it there is no TLS. `complain`: it could not be renewed. */
  certificate?: (complain: (error: Error) => void) => CertificateSource;
  allowPlain?: boolean;
  /** Without it there is none; `certificate`, if that is there, serves both. */
  webTransport?: CertificateSource;
  files: RatatoskrFiles;
  /** Opened with the endpoint, and closed with it. */
  services: () => EndpointServices;
  serviceDeadlineMs?: number;
}

/** The server key is none, or cannot be read. */
export class ServerKeyError extends Error {
  readonly code = 'ANDVARI_RATATOSKR_KEY';
  override readonly name = 'ServerKeyError';
}

export class RatatoskrEndpoint {
  /** Devices, to be changed while it runs: the file is changed by that (file-registry.ts). */
  readonly devices: DeviceRegistry;
  readonly server: RatatoskrServer;
  readonly #parts: EndpointParts;
  readonly #hosts: readonly string[];
  #address: SocketAddress = { host: '', port: 0 };
  #webTransport: WebTransportListener | undefined;
  #webTransportAddress: SocketAddress | undefined;

  private constructor(parts: EndpointParts, { hosts = [] }: AdmissionLists) {
    this.#hosts = hosts;
    this.devices = parts.devices;
    this.server = parts.server;
    this.#parts = parts;
    parts.opened.add(() => this.#stopServing());
  }

  /**
   * Open all of it, or nothing: after an error the same process can start it again.
   * @param around `registry` gets the metrics until the endpoint is closed: one endpoint for each
   * @throws TypeError or RangeError for wrong options; PlainTextError, PortInUseError,
   *     AddressError, DeviceFileError, ServerKeyError, AuditFileError, AuditInUseError,
   *     AnswerDatabaseError, DirectoryError and Node's errors
   */
  static async start(
    options: RatatoskrOptions,
    around: { logger: Logger; registry?: Registry },
  ): Promise<RatatoskrEndpoint> {
    const { logger, registry } = around;
    checkEndpointOptions(options);
    const opened = new Opened();
    try {
      let forget = () => {};
      // The last of all, so that what happens meanwhile is measured too.
      opened.add(() => forget());
      const parts = await openParts(options, { logger, opened, module: await plainEngine() });
      const endpoint = new RatatoskrEndpoint(parts, options);
      if (registry) forget = registerRatatoskrMetrics(registry, parts);
      await freshSecond(parts.opensS);
      // The better transport first: clients that wait for the server find it there.
      if (options.webTransport) await endpoint.#openWebTransport(options, logger);
      endpoint.#address = await parts.listener.open();
      return endpoint;
    } catch (error) {
      await opened.close().catch((problem) => {
        logger.error({ err: problem }, 'what was opened for Ratatoskr cannot be closed');
      });
      throw error;
    }
  }

  /** Where it listens, with the port that it was given. */
  get address(): SocketAddress {
    return this.#address;
  }

  /** Where WebTransport is, and the hashes of its certificates now; undefined: nowhere. */
  get webTransport(): { address: SocketAddress; certificateHashes: Uint8Array[] } | undefined {
    const [listener, address] = [this.#webTransport, this.#webTransportAddress];
    return listener && address && { address, certificateHashes: listener.certificateHashes };
  }

  /**
   * What clients need, as of now: certificates change.
   * @param asked the host by which somebody asks for it: ours too, if we listen on all addresses
   */
  describe(asked = '127.0.0.1'): RatatoskrAddress {
    const { webTransport } = this;
    const [name] = this.#hosts;
    const at = ({ host, port }: SocketAddress) => {
      if (name !== undefined) return /:\d+$/.test(name) ? name : `${name}:${port}`;
      return isWildcard(host) ? `${asked}:${port}` : formatAddress({ host, port });
    };
    const scheme = this.#parts.certificate ? 'wss' : 'ws';
    return {
      url: `${scheme}://${at(this.#address)}${RATATOSKR_PATH}`,
      serverKey: hexOf(this.server.publicKey as Uint8Array),
      ...(webTransport && {
        webTransport: {
          url: `https://${at(webTransport.address)}${RATATOSKR_PATH}`,
          certificateHashes: webTransport.certificateHashes.map(hexOf),
        },
      }),
    };
  }

  /** Why requests are not served now, for /readyz; undefined: they are. */
  get trouble(): string | undefined {
    const { answers, certificateWatch } = this.#parts;
    if (answers.failing) return 'Ratatoskr requests cannot be written down';
    const problem = certificateWatch.trouble(Date.now());
    return problem && `the certificate of Ratatoskr: ${problem}`;
  }

  /**
   * Read the devices and the certificate's files again: the next connection has what is there now.
   * One that is wrong changes nothing. Either is told in the log.
   */
  reload(): void {
    this.#parts.reload();
    const { certificates, logger } = this.#parts;
    // What could not be read is told by the source itself.
    if (certificates?.reload?.(Date.now())) logger.info({}, 'the certificate was read again');
    this.#parts.certificateWatch.look(Date.now());
  }

  /** Take no more messages, end the connections, close the files. */
  close(): Promise<void> {
    return this.#parts.opened.close();
  }

  /** On a platform without QUIC the endpoint does without. */
  async #openWebTransport(options: RatatoskrOptions, logger: Logger): Promise<void> {
    const { listen, connectionsMax, hosts, origins } = options;
    const certificates = this.#parts.certificates as CertificateSource;
    try {
      const listener = new WebTransportListener({
        ...{ listen, hosts, origins, certificates },
        accept: this.server.accept,
        certificateChanged: (changed) => {
          const hashes = changed.map(hexOf);
          logger.info({ hashes }, 'another WebTransport certificate is in use');
        },
        ...(connectionsMax ? { connectionsMax } : {}),
      });
      this.#webTransport = listener;
      this.#webTransportAddress = await listener.open();
      const hashes = listener.certificateHashes.map(hexOf);
      logger.info({ webTransport: formatAddress(this.#webTransportAddress), hashes }, 'listening');
    } catch (error) {
      if (!(error instanceof WebTransportUnavailableError)) throw error;
      logger.warn({ reason: error.message }, 'no WebTransport here: WebSocket alone');
    }
  }

  async #stopServing(): Promise<void> {
    const { listener, server } = this.#parts;
    this.#webTransport?.drain();
    await server.close();
    await Promise.all([listener.close(), this.#webTransport?.close()]);
  }
}

interface OpenFiles {
  certificate: CertificateSource | undefined;
  serverSeed: Uint8Array;
  devices: DeviceRegistry;
  answers: AnswerDatabase;
  audit: AuditLog;
  services: EndpointServices;
}

interface EndpointParts extends Omit<OpenFiles, 'serverSeed'> {
  server: RatatoskrServer;
  listener: WebSocketListener;
  bus: InProcessBus;
  /** That of the WebSockets, which is WebTransport's too, or WebTransport's own. */
  certificates: CertificateSource | undefined;
  certificateWatch: CertificateWatch;
  logger: Logger;
  /** The first second in which it listens. */
  opensS: number;
  /** Devices alone. */
  reload: () => void;
  opened: Opened;
}

interface Around {
  logger: Logger;
  module: WebAssembly.Module;
  /** Gets whatever has to be closed, as soon as it is open. */
  opened: Opened;
}

/**
 * With their locks: a process that closes them may go on and start another one. Both come before
 * anything is changed: files that another server has stay as they are.
 */
async function openFiles(options: RatatoskrOptions, around: Around): Promise<OpenFiles> {
  const { logger, opened } = around;
  const { files } = options;
  for (const file of Object.values(files)) makeDirectory(dirname(file), 0o700);
  const certificate = options.certificate?.((error) => {
    logger.error({ err: error }, 'the certificate stays as it was');
  });
  const recordsPerDeviceMax = ANSWERS_PER_HOURLY_RATE * (options.rates?.perHour ?? RATE_PER_HOUR);
  const lock = lockAudit(files.audit);
  opened.add(() => lock.release());
  const answers = await AnswerDatabase.open(files.answers, { recordsPerDeviceMax });
  opened.add(() => answers.close());
  const serverSeed = openServerKey(files.serverKey);
  const devices = openDevices(files.devices);
  const audit = openAudit(lock, logger);
  opened.add(() => audit.close());
  const services = options.services();
  opened.add(() => services?.close?.());
  checkServices(services);
  return { certificate, serverSeed, devices, answers, audit, services };
}

async function openParts(options: RatatoskrOptions, around: Around): Promise<EndpointParts> {
  const { logger, module, opened } = around;
  const skewS = checkSkew(options.skewS ?? 0);
  const { serverSeed, ...open } = await openFiles(options, around);
  const { certificate, devices, answers, audit, services } = open;
  const { fallback, routes } = services ?? {};
  const { serviceDeadlineMs: deadlineMs } = options;
  const bus = new InProcessBus({
    ...{ routes, answers, logger },
    ...(fallback ? { fallback } : {}),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
  });
  // A process before this one may have taken messages of this very second, and of the skew's.
  const opensS = Math.floor(Date.now() / 1000) + (answers.resumed ? 1 : 0);
  const refuseBeforeS = opensS + (answers.resumed ? skewS : 0);
  const failed = (error: unknown) => logger.error({ err: error }, 'the Ratatoskr listener');
  const { certificate: _, ...others } = options;
  const listener = new WebSocketListener({
    ...{ ...others, accept: (channel) => server.accept(channel), failed },
    ...(certificate ? { certificate } : {}),
  });
  const server = new RatatoskrServer({
    ...options,
    ...{ module, registry: devices, bus, audit, serverSeed, refuseBeforeS },
    firstConnection: recordedConnections(answers),
    clockSet: (seconds) => logger.warn({ seconds }, 'the clock of this machine was set'),
    failed: (error) => logger.error({ err: error }, 'a request could not be answered'),
  });
  const reload = () => {
    try {
      reloadRegistry(devices, options.files.devices);
      logger.info({ devices: devices.size }, 'the devices were read again');
    } catch (error) {
      logger.error({ err: error }, 'the devices stay as they were');
    }
  };
  opened.add(watchDevices(options.files.devices, reload));
  const certificates = certificate ?? options.webTransport;
  const certificateWatch = new CertificateWatch(certificates, logger);
  opened.add(() => certificateWatch.stop());
  return {
    ...{ ...open, server, listener, bus, logger, opensS, reload, opened },
    ...{ certificates, certificateWatch },
  };
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** @throws DeviceFileError, which names the key of the configuration too */
function openDevices(path: string): FileRegistry {
  try {
    return new FileRegistry(path);
  } catch (cause) {
    throw new DeviceFileError(`ratatoskr.devices_file ${(cause as Error).message}`, { cause });
  }
}

/** @throws AuditInUseError, AuditFileError */
function lockAudit(path: string): AuditLock {
  return namingKey(() => new AuditLock(path));
}

/** The lock is the log's from here on. @throws AuditFileError */
function openAudit(lock: AuditLock, logger: Logger): AuditLog {
  return namingKey(() => new AuditLog({ file: { path: lock.path, lock }, logger }));
}

/** Errors say which file they are about; the operator wants its key too. */
function namingKey<T>(open: () => T): T {
  try {
    return open();
  } catch (cause) {
    const problem = `ratatoskr.audit_file ${(cause as Error).message}`;
    if (cause instanceof AuditInUseError) throw new AuditInUseError(problem, { cause });
    throw new AuditFileError(problem, { cause });
  }
}

/** Wait for the first second whose messages are taken: less than one. */
async function freshSecond(opensS: number): Promise<void> {
  const leftMs = opensS * 1000 - Date.now();
  if (leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
}

/** The seed of the server's key; a new one where there is none. */
function openServerKey(path: string): Uint8Array {
  const there = readServerKey(path);
  if (there) return there;
  const seed = randomBytes(SEED_BYTES);
  createFileDurably(path, `${seed.toString('hex')}\n`);
  return Uint8Array.from(seed);
}

/** Undefined: there is none. @throws ServerKeyError */
export function readServerKey(path: string): Uint8Array | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const problem = `ratatoskr.server_key_file ${path}: ${whyNot(error)}`;
    throw new ServerKeyError(problem, { cause: error });
  }
  if (!/^[0-9a-f]{64}$/i.test(text)) {
    throw new ServerKeyError(`ratatoskr.server_key_file ${path}: wanted 64 hex digits`);
  }
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
