/**
 * Child of the Ratatoskr benches (pinned-server.ts): `echo` answers by a bare ws echo, `memory` is
 * the server that remembers answers in memory, `served` and `served-tls` the whole endpoint with
 * its files. Sends its ports, then for any message what it has used so far; for `ed25519` it
 * measures that first.
 */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { plainEngine } from '@andvari/host-common/engine/module';
import { createLogger } from '@andvari/host-node/log/logger';
import { MemoryAnswerStore } from '@andvari/host-node/ratatoskr/answers/answer-store';
import { AuditLog } from '@andvari/host-node/ratatoskr/audit/audit-log';
import { writeDevices } from '@andvari/host-node/ratatoskr/device-file';
import { RatatoskrEndpoint } from '@andvari/host-node/ratatoskr/endpoint';
import { InProcessBus } from '@andvari/host-node/ratatoskr/in-process-bus';
import { NodeEd25519Signer, NodeEd25519Verifier } from '@andvari/host-node/ratatoskr/node-ed25519';
import { DeviceRegistry } from '@andvari/host-node/ratatoskr/registry';
import { RatatoskrServer } from '@andvari/host-node/ratatoskr/server';
import { certificates, TurnedCertificate } from '@andvari/host-node/ratatoskr/testing/certificates';
import { signerOf } from '@andvari/host-node/ratatoskr/testing/test-peer';
import { WebSocketListener } from '@andvari/host-node/ratatoskr/websocket-listener';
import {
  CertificateFiles,
  SelfMadeCertificates,
} from '@andvari/host-node/webtransport/certificates';
import { Registry } from 'prom-client';
import { WebSocketServer } from 'ws';
import { CONNECTIONS_MAX, DEVICES, USER } from './ratatoskr-peers.ts';

export interface Ports {
  plain?: number;
  tls?: number;
  webTransport?: number;
}

/** Since the start of the process. */
export interface Usage {
  cpuUs: number;
  rssBytes: number;
  /** Requests by the seconds within which they were answered, of the server's own metric. */
  routed: [withinS: number, requests: number][];
}

const listen = { host: '127.0.0.1', port: 0 };
const logger = createLogger({ level: 'silent' });
const metrics = new Registry();
const NO_LIMIT = 1e9;
const limits = {
  rates: { perMinute: NO_LIMIT, perHour: NO_LIMIT },
  connectionRate: { burst: NO_LIMIT, perSecond: NO_LIMIT },
  connectionsMax: CONNECTIONS_MAX,
};
const echo = { name: 'echo', handle: ({ payload }: { payload: Uint8Array }) => payload };
const routes = new Map([['BENCH', echo]]);
const failed = (error: unknown) => {
  throw error;
};

function register(registry: DeviceRegistry): void {
  for (const deviceId of DEVICES) {
    const { publicKey } = signerOf(deviceId);
    registry.register({ deviceId, publicKey, userIds: [USER] });
  }
}

async function bareEcho(): Promise<Ports> {
  const ports = [createServer(), createTlsServer(new TurnedCertificate().current())].map(
    (server) => {
      const sockets = new WebSocketServer({ server, perMessageDeflate: false });
      sockets.on('connection', (socket) => {
        socket.on('message', (data) => socket.send(data, { binary: true }));
      });
      return new Promise<number>((resolve) => {
        server.listen(listen, () => resolve((server.address() as AddressInfo).port));
      });
    },
  );
  const [plain, tls] = await Promise.all(ports);
  return { plain, tls } as Ports;
}

async function inMemory(): Promise<Ports> {
  const registry = new DeviceRegistry();
  register(registry);
  // Fewer than a run has: with a heap that only grows the figures were the collector's.
  const answers = new MemoryAnswerStore({ keptS: 1, recordsPerDeviceMax: NO_LIMIT });
  const server = new RatatoskrServer({
    ...{ module: await plainEngine(), registry, ...limits, serverSeed: randomBytes(32) },
    audit: new AuditLog({ logger }),
    bus: new InProcessBus({ routes, answers, logger }),
    failed,
  });
  const options = { listen, accept: server.accept, failed, connectionsMax: CONNECTIONS_MAX };
  return { plain: (await new WebSocketListener(options).open()).port };
}

async function served(tls: boolean): Promise<Ports> {
  const directory = mkdtempSync(join(tmpdir(), 'andvari-bench-ratatoskr-'));
  process.once('exit', () => rmSync(directory, { recursive: true }));
  const inside = (name: string) => join(directory, name);
  const files = {
    ...{ devices: inside('devices.json'), serverKey: inside('server.key') },
    ...{ audit: inside('audit.log'), answers: inside('answers.db') },
  };
  const services = () => ({ routes });
  const [{ cert, key }] = certificates;
  const pem = { certFile: inside('cert.pem'), keyFile: inside('key.pem') };
  writeFileSync(pem.certFile, cert);
  writeFileSync(pem.keyFile, key, { mode: 0o600 });
  const certificate = tls
    ? { certificate: () => new CertificateFiles(pem, failed) }
    : { webTransport: new SelfMadeCertificates(['localhost'], Date.now()) };
  const options = { listen, ...limits, ...certificate, files, services };
  const registry = new DeviceRegistry();
  register(registry);
  writeDevices(files.devices, registry.list());
  const started = await RatatoskrEndpoint.start(options, { logger, registry: metrics });
  const { address, webTransport } = started;
  if (tls) return { tls: address.port };
  return { plain: address.port, ...(webTransport && { webTransport: webTransport.address.port }) };
}

async function routed(): Promise<Usage['routed']> {
  const metric = metrics.getSingleMetric('andvari_ratatoskr_routing_seconds');
  const { values } = (await metric?.get()) ?? { values: [] };
  return values.flatMap(({ labels, value }) =>
    'le' in labels ? [[Number(labels.le === '+Inf' ? Infinity : labels.le), value]] : [],
  ) as Usage['routed'];
}

/** Verify and sign in turn, as a request and its answer want it: how many pairs a second. */
function measureEd25519(): number {
  const signer = new NodeEd25519Signer(randomBytes(32));
  const verifier = new NodeEd25519Verifier();
  const digests = Array.from({ length: 64 }, () => new Uint8Array(randomBytes(32)));
  const signatures = digests.map((digest) => signer.signNow(digest));
  const run = (ms: number) => {
    const start = performance.now();
    let pairs = 0;
    for (; performance.now() - start < ms; pairs++) {
      const [digest, signature] = [digests[pairs % 64], signatures[pairs % 64]] as const;
      if (!digest || !signature || !verifier.verify(signer.publicKey, digest, signature)) {
        throw new Error('a good signature was refused');
      }
      signer.signNow(digest);
    }
    return pairs;
  };
  run(200);
  return run(700);
}

const kinds: Record<string, () => Promise<Ports>> = {
  echo: bareEcho,
  memory: inMemory,
  served: () => served(false),
  'served-tls': () => served(true),
};
process.send?.(await kinds[process.argv[2] ?? '']?.());
process.on('message', (question) => {
  if (question === 'ed25519') {
    const before = process.cpuUsage();
    const start = performance.now();
    const pairs = measureEd25519();
    const used = process.cpuUsage(before);
    const seconds = (performance.now() - start) / 1000;
    process.send?.({ pairs, seconds, cpuUs: used.user + used.system });
    return;
  }
  const { user, system } = process.cpuUsage();
  const rssBytes = process.memoryUsage.rss();
  void routed().then((routed) => process.send?.({ cpuUs: user + system, rssBytes, routed }));
});
process.once('disconnect', () => process.exit(0));
