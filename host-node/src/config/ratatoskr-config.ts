/** The section [ratatoskr]; absent, and without a key of it, there is no endpoint. */
import { join, resolve } from 'node:path';
import type { ConfigKey, ConfigValues, Endpoint } from './config-keys.ts';
import type { ConfigProblem } from './config-problem.ts';

export interface RatatoskrConfig {
  listen: Endpoint;
  /** Pages that may connect, and ask for /ratatoskr.json; programs may anyway. */
  allowedOrigins: string[];
  /** Besides the listening address; the first is how clients are told to come. */
  allowedHosts: string[];
  /** Absolute, both or none. */
  tlsCertFile: string | undefined;
  tlsKeyFile: string | undefined;
  allowPlain: boolean;
  /** On the UDP port of the same number; without files with a certificate that is made here. */
  webtransport: boolean;
  /** Absolute; below dataDir/ratatoskr where nothing is said. */
  devicesFile: string;
  serverKeyFile: string;
  auditFile: string;
  /** dataDir/ratatoskr. */
  directory: string;
  /** Messages of one device. */
  ratePerMinute: number;
  ratePerHour: number;
  /** Messages a second of one connection, before any signature is looked at. */
  connectionRate: number;
  maxConnections: number;
  /** Seconds that a device's clock may be ahead. */
  skew: number;
  strictShape: boolean;
  requireV2: boolean;
  /** Nornen and Heidrun. */
  demoServices: boolean;
}

/** Where a key was found. */
interface Place {
  source: string;
  /** And it is not what it would be anyway. */
  given: boolean;
}

/** What is wrong with the section as a whole. */
export function ratatoskrProblems(
  values: Partial<ConfigValues>,
  placeOf: (key: ConfigKey) => Place,
): ConfigProblem[] {
  const keys = Object.keys(values) as ConfigKey[];
  const given = keys.filter((key) => key.startsWith('ratatoskr.') && placeOf(key).given);
  const problem = (key: ConfigKey, reason: string): ConfigProblem => {
    return { source: placeOf(key).source, key, reason, code: 'ANDVARI_CONFIG_MISSING' };
  };
  const [first] = given;
  if (first !== undefined && values['ratatoskr.listen'] === undefined) {
    return [problem(first, 'wanted ratatoskr.listen too')];
  }
  const pair = ['ratatoskr.tls_cert_file', 'ratatoskr.tls_key_file'] as const;
  return pair.flatMap((key, index) => {
    const other = pair[1 - index] as (typeof pair)[number];
    const alone = values[key] !== undefined && !placeOf(other).given;
    return alone ? [problem(key, `wanted ${other} too`)] : [];
  });
}

export function emitRatatoskr(
  values: ConfigValues,
  dataDir: string,
  baseOf: (key: ConfigKey) => string,
): RatatoskrConfig | undefined {
  const listen: Endpoint | undefined = values['ratatoskr.listen'];
  if (listen === undefined) return undefined;
  type FileKey = Extract<ConfigKey, `ratatoskr.${string}_file`>;
  const fileOf = (key: FileKey) => {
    const file: string | undefined = values[key];
    return file === undefined ? undefined : resolve(baseOf(key), file);
  };
  const directory = join(dataDir, 'ratatoskr');
  return {
    listen,
    allowedOrigins: values['ratatoskr.allowed_origins'],
    allowedHosts: values['ratatoskr.allowed_hosts'],
    tlsCertFile: fileOf('ratatoskr.tls_cert_file'),
    tlsKeyFile: fileOf('ratatoskr.tls_key_file'),
    allowPlain: values['ratatoskr.allow_plain'],
    webtransport: values['ratatoskr.webtransport'],
    devicesFile: fileOf('ratatoskr.devices_file') ?? join(directory, 'devices.json'),
    serverKeyFile: fileOf('ratatoskr.server_key_file') ?? join(directory, 'server-key'),
    auditFile: fileOf('ratatoskr.audit_file') ?? join(directory, 'audit.log'),
    directory,
    ratePerMinute: values['ratatoskr.rate_per_minute'],
    ratePerHour: values['ratatoskr.rate_per_hour'],
    connectionRate: values['ratatoskr.connection_rate'],
    maxConnections: values['ratatoskr.max_connections'],
    skew: values['ratatoskr.skew'],
    strictShape: values['ratatoskr.strict_shape'],
    requireV2: values['ratatoskr.require_v2'],
    demoServices: values['ratatoskr.demo_services'],
  };
}
