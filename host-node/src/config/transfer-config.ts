/** The section [transfer]; absent, and without a key of it, no files are received. */
import { join, resolve } from 'node:path';
import type { DatagramBackend } from '../io/choose-backend.ts';
import type { ConfigKey, ConfigValues, Endpoint } from './config-keys.ts';
import type { ConfigProblem } from './config-problem.ts';

export interface TransferConfig {
  /** UDP. */
  listen: Endpoint;
  /** Where files go; absolute, as all paths here. dataDir/received where nothing is said. */
  folder: string;
  /** Undefined: as the commands have them, in the data folder of the user. */
  identityFile: string | undefined;
  trustedPeersFile: string | undefined;
  controlSocket: string | undefined;
  maxTransfers: number;
  /** Where peers may call too. */
  relay: string | undefined;
  /** Whether sessions at the relay look for a direct way, and who says how we are seen. */
  upgrade: boolean;
  stun: Endpoint[];
  /** How datagrams are carried. */
  backend: DatagramBackend;
  /** Of af_xdp. */
  interface: string | undefined;
  queues: number | undefined;
}

/** What is wrong with the section as a whole. @param placeOf where a key was found, if given */
export function transferProblems(
  values: Partial<ConfigValues>,
  placeOf: (key: ConfigKey) => { source: string; given: boolean },
): ConfigProblem[] {
  if (values['transfer.listen'] !== undefined) return xdpProblems(values, placeOf);
  const keys = Object.keys(values) as ConfigKey[];
  const first = keys.find((key) => key.startsWith('transfer.') && placeOf(key).given);
  if (first === undefined) return [];
  const { source } = placeOf(first);
  const reason = 'wanted transfer.listen too';
  return [{ source, key: first, reason, code: 'ANDVARI_CONFIG_MISSING' }];
}

/** AF_XDP belongs to an interface, and an interface has one program. */
function xdpProblems(
  values: Partial<ConfigValues>,
  placeOf: (key: ConfigKey) => { source: string; given: boolean },
): ConfigProblem[] {
  const problem = (key: ConfigKey, code: ConfigProblem['code'], reason: string) => {
    return { source: placeOf(key).source, key, reason, code };
  };
  const name = values['transfer.interface'];
  if (values['transfer.backend'] !== 'af_xdp') {
    const given = (['transfer.interface', 'transfer.queues'] as const).filter((key) => values[key]);
    const reason = 'only for transfer.backend "af_xdp"';
    return given.map((key) => problem(key, 'ANDVARI_CONFIG_CONFLICT', reason));
  }
  if (name === undefined) {
    if (placeOf('transfer.interface').given) return []; // it is wrong, and said to be
    const reason = 'wanted transfer.interface too';
    return [problem('transfer.backend', 'ANDVARI_CONFIG_MISSING', reason)];
  }
  const { 'io.interface': servers, 'io.backend': backend } = values;
  if (name !== servers || (backend !== 'af_xdp' && backend !== 'auto')) return [];
  const reason = 'io.interface has it, and an interface takes one XDP program';
  return [problem('transfer.interface', 'ANDVARI_CONFIG_CONFLICT', reason)];
}

export function emitTransfer(
  values: ConfigValues,
  dataDir: string,
  baseOf: (key: ConfigKey) => string,
): TransferConfig | undefined {
  const listen: Endpoint | undefined = values['transfer.listen'];
  if (listen === undefined) return undefined;
  const pathOf = (name: 'folder' | 'identity_file' | 'trusted_peers_file' | 'control_socket') => {
    const path: string | undefined = values[`transfer.${name}`];
    return path === undefined ? undefined : resolve(baseOf(`transfer.${name}`), path);
  };
  return {
    listen,
    folder: pathOf('folder') ?? join(dataDir, 'received'),
    identityFile: pathOf('identity_file'),
    trustedPeersFile: pathOf('trusted_peers_file'),
    controlSocket: pathOf('control_socket'),
    maxTransfers: values['transfer.max_transfers'],
    relay: values['transfer.relay'],
    upgrade: values['transfer.upgrade'],
    stun: values['transfer.stun'],
    backend: values['transfer.backend'],
    interface: values['transfer.interface'],
    queues: values['transfer.queues'],
  };
}
