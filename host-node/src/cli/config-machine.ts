/** What only the machine tells about a configuration: its folders, files and keys. Only reads. */
import { type Stats, statSync } from 'node:fs';
import { dirname } from 'node:path';
import type { ConfigReading } from '../config/config.ts';
import type { ConfigKey } from '../config/config-keys.ts';
import type { PeerConfig } from '../config/peer-config.ts';
import type { RatatoskrConfig } from '../config/ratatoskr-config.ts';
import type { TransferConfig } from '../config/transfer-config.ts';
import { folderTrouble } from '../files/folder-trouble.ts';
import { checkPrivateFile } from '../files/private-file.ts';
import { whyNot } from '../files/why-not.ts';
import { formatAddress } from '../http/socket-address.ts';
import { readBans } from '../peer/ban-file.ts';
import { readWhitelist } from '../peer/whitelist-file.ts';
import { isLoopback } from '../raida/origin.ts';
import { readDevices } from '../ratatoskr/device-file.ts';
import { readServerKey } from '../ratatoskr/endpoint.ts';
import { resolveStoreUrl } from '../store/open-store.ts';
import { dataFolder } from '../transfer/data-folder.ts';
import { loadIdentity } from '../transfer/identity-store.ts';
import { KnownPeers } from '../transfer/known-peers.ts';
import { CertificateFiles } from '../webtransport/certificates.ts';
import type { CommandContext } from './command-context.ts';
import { peerOptionsOf } from './serve-peer.ts';
import { transferOptionsOf } from './serve-transfer.ts';

export interface MachineProblem {
  severity: 'error' | 'warning';
  key: ConfigKey;
  reason: string;
  code: string;
}

const OTHERS_READ = 0o044;
/** What the kernel takes as the path of a Unix socket, without the byte that ends it. */
const SOCKET_PATH_BYTES_MAX = 107;

/** @param reading keys that are wrong in themselves are not looked at */
export async function machineProblems(
  { config, values }: ConfigReading,
  { path, context }: { path: string | undefined; context: CommandContext },
): Promise<MachineProblem[]> {
  const look = new Look();
  const hasDataDir = values['node.data_dir'] !== undefined;
  if (hasDataDir) look.folder('node.data_dir', config.node.dataDir, 'warning');
  const url = values['store.url'];
  if (config.raida && hasDataDir && url !== undefined) {
    const store = resolveStoreUrl(url, config.node.dataDir);
    if (store !== 'memory:') look.ownFile('store.url', store.slice('sqlite:'.length));
  }
  const isSecretInFile = ['raida.admin_key', 'raida.proxy_key'].find((key) =>
    config.effective.some((one) => one.key === key && one.source.startsWith(`${path}:`)),
  );
  if (path !== undefined && isSecretInFile) look.secret(isSecretInFile as ConfigKey, path);
  for (const { key, value } of config.effective) {
    const isKeyFile = key === 'raida.admin_key_file' || key === 'raida.proxy_key_file';
    if (isKeyFile && value !== '') look.secret(key, JSON.parse(value) as string);
  }
  if (config.ratatoskr) lookAtRatatoskr(config.ratatoskr, look);
  if (config.transfer) await lookAtTransfer(config.transfer, { look, context });
  if (config.peer) await lookAtPeer(config.peer, { look, context });
  return look.problems;
}

class Look {
  readonly problems: MachineProblem[] = [];

  /** What the work throws is a problem of the key. */
  async work(key: ConfigKey, work: () => unknown, severity: MachineProblem['severity'] = 'error') {
    try {
      await work();
    } catch (error) {
      this.#thrown(key, error, severity);
    }
  }

  sync(key: ConfigKey, work: () => unknown): void {
    try {
      work();
    } catch (error) {
      this.#thrown(key, error, 'error');
    }
  }

  /** One that the server makes if need be; `closed`: what it is that it cannot be written. */
  folder(key: ConfigKey, path: string, closed: MachineProblem['severity']): void {
    const trouble = folderTrouble(path);
    if (!trouble) return;
    const severity = trouble.kind === 'missing' ? 'error' : closed;
    this.problems.push({ severity, key, reason: trouble.reason, code: 'ANDVARI_DIRECTORY' });
  }

  /** One that the server makes, or writes. */
  ownFile(key: ConfigKey, path: string): void {
    const before = this.problems.length;
    this.folder(key, dirname(path), 'error');
    if (this.problems.length > before || !isThere(path)) return;
    this.sync(key, () => checkPrivateFile(path));
  }

  /** A file that others can read tells them the secret in it; the server starts all the same. */
  secret(key: ConfigKey, path: string): void {
    const mode = statsOf(path)?.mode ?? 0;
    if (!(mode & OTHERS_READ)) return;
    const shown = (mode & 0o777).toString(8);
    const reason = `${path} can be read by others (mode ${shown}): chmod 600 it`;
    this.problems.push({ severity: 'warning', key, reason, code: 'ANDVARI_CONFIG_KEY_MODE' });
  }

  #thrown(key: ConfigKey, error: unknown, severity: MachineProblem['severity']): void {
    const { code: given } = error as NodeJS.ErrnoException;
    const code = given?.startsWith('ANDVARI_') ? given : 'ANDVARI_CONFIG_FILE';
    const why = whyNot(error);
    const reason = why.startsWith(`${key} `) ? why.slice(key.length + 1) : why;
    this.problems.push({ severity, key, reason, code });
  }
}

/** Undefined: it is not there, or cannot be seen, which whoever opens it says. */
function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path);
  } catch {
    return undefined;
  }
}

function isThere(path: string): boolean {
  return statsOf(path) !== undefined;
}

function lookAtRatatoskr(config: RatatoskrConfig, look: Look): void {
  const { tlsCertFile: certFile, tlsKeyFile: keyFile, listen } = config;
  look.folder('node.data_dir', config.directory, 'error');
  look.sync('ratatoskr.devices_file', () => readDevices(config.devicesFile));
  look.sync('ratatoskr.server_key_file', () => readServerKey(config.serverKeyFile));
  look.secret('ratatoskr.server_key_file', config.serverKeyFile);
  look.folder('ratatoskr.devices_file', dirname(config.devicesFile), 'warning');
  look.ownFile('ratatoskr.audit_file', config.auditFile);
  if (certFile && keyFile) {
    lookAtCertificate({ certFile, keyFile }, look);
  } else if (!config.allowPlain && !isLoopback(listen.host)) {
    const reason =
      `${formatAddress(listen)}: others can reach it. Wanted a certificate ` +
      '(ratatoskr.tls_cert_file, ratatoskr.tls_key_file), or ratatoskr.allow_plain = true';
    const problem = { reason, code: 'ANDVARI_RATATOSKR_PLAIN' };
    look.problems.push({ severity: 'error', key: 'ratatoskr.listen', ...problem });
  }
}

function lookAtCertificate(files: { certFile: string; keyFile: string }, look: Look): void {
  try {
    new CertificateFiles(files, () => {});
  } catch (error) {
    const { part, message: reason, code } = error as Error & { part: 'cert' | 'key'; code: string };
    look.problems.push({ severity: 'error', key: `ratatoskr.tls_${part}_file`, reason, code });
  }
  look.secret('ratatoskr.tls_key_file', files.keyFile);
}

async function lookAtTransfer(
  config: TransferConfig,
  { look, context }: { look: Look; context: CommandContext },
): Promise<void> {
  look.folder('transfer.folder', config.folder, 'warning');
  await look.work('transfer.identity_file', async () => {
    const options = transferOptionsOf(config, context);
    const { dataFolder, identityPath = '', passphrase, trustedPeersFile = '' } = options;
    look.folder('transfer.identity_file', dataFolder, 'warning');
    // A server without the list starts, and lets nobody in.
    await look.work(
      'transfer.trusted_peers_file',
      () => KnownPeers.load(trustedPeersFile),
      'warning',
    );
    lookAtSocket('transfer.control_socket', options.controlSocket, { look, dataFolder });
    const seed = await loadIdentity(identityPath, passphrase);
    seed.fill(0);
  });
}

async function lookAtPeer(
  config: PeerConfig,
  { look, context }: { look: Look; context: CommandContext },
): Promise<void> {
  const { whitelistFile, keyFile, banFile, controlSocket } = peerOptionsOf(config, context);
  look.sync('peer.whitelist_file', () => readWhitelist(whitelistFile));
  look.sync('peer.ban_file', () => readBans(banFile));
  // One that is not there is made at the start.
  look.folder('peer.key_file', dirname(keyFile), 'error');
  if (isThere(keyFile)) {
    await look.work('peer.key_file', async () => (await loadIdentity(keyFile)).fill(0));
  }
  lookAtSocket('peer.control_socket', controlSocket, { look, dataFolder: dataFolder(context.env) });
}

function lookAtSocket(
  key: 'transfer.control_socket' | 'peer.control_socket',
  path: string,
  { look, dataFolder }: { look: Look; dataFolder: string },
): void {
  const wrong = (reason: string) => {
    const problem = { severity: 'error', key, reason } as const;
    look.problems.push({ ...problem, code: 'ANDVARI_CONTROL_SOCKET' });
  };
  const [stats, folder] = [statsOf(path), dirname(path)];
  const bytes = Buffer.byteLength(path);
  const trouble = folderTrouble(folder);
  if (bytes > SOCKET_PATH_BYTES_MAX) {
    wrong(`${path}: ${bytes} bytes, ${SOCKET_PATH_BYTES_MAX} at most`);
  } else if (stats && !stats.isSocket()) wrong(`${path} is there, and is no socket`);
  else if (trouble) wrong(trouble.reason);
  // The server makes the data folder, and no other one for it.
  else if (folder !== dataFolder && !isThere(folder)) wrong(`the folder ${folder} is not there`);
}
