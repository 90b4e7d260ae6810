import { existsSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import { type AuditWhole, verifyAuditFiles } from '../ratatoskr/audit/audit-verify.ts';
import { changeDevices, openRegistry } from '../ratatoskr/device-file.ts';
import type { CommandContext } from './command-context.ts';
import { registerRatatoskrClientCommands } from './ratatoskr-client.ts';
import { registerTakingsCommand } from './ratatoskr-takings.ts';

/** Where `andvari network up` keeps the devices of its endpoint. */
const NETWORK_DEVICES = 'data/network/ratatoskr/devices.json';

/** The newest of them; `--json` has all. */
const BREAKS_TOLD = 5;

interface DevicesOptions {
  devices: string;
  json?: boolean;
}

interface RegisterOptions extends DevicesOptions {
  key: Uint8Array;
  user: string[];
}

/** A device is not there, or an audit log is not what it was. */
export class RatatoskrCommandError extends Error {
  readonly code:
    | 'ANDVARI_REFUSED'
    | 'ANDVARI_AUDIT_BROKEN'
    | 'ANDVARI_AUDIT_LOSS'
    | 'ANDVARI_AUDIT_MISSING'
    | 'ANDVARI_DEVICES_MISSING';
  override readonly name = 'RatatoskrCommandError';

  constructor(code: RatatoskrCommandError['code'], message: string) {
    super(message);
    this.code = code;
  }
}

/** `andvari ratatoskr`. */
export function registerRatatoskrCommands(program: Command, context: CommandContext): void {
  const ratatoskr = program
    .command('ratatoskr')
    .description('devices that may speak to a Ratatoskr endpoint, its audit log, and calls to one');
  registerRatatoskrClientCommands(ratatoskr, context);
  withFile(ratatoskr.command('register <device>'))
    .summary('let a device speak')
    .description(
      'Add a device to the devices file, or users to one that is there. A running server reads ' +
        'the file again within seconds, or at once on SIGHUP.',
    )
    .requiredOption('--key <hex>', 'its Ed25519 public key, 64 hex digits', parsePublicKey)
    .requiredOption('--user <id...>', 'users that it may speak for')
    .action((device: string, options: RegisterOptions) => {
      changeDevices(options.devices, (registry) => {
        registry.register({ deviceId: device, publicKey: options.key, userIds: options.user });
      });
      tell(context, options, { event: 'registered', device });
    });
  withFile(ratatoskr.command('revoke <device>'))
    .summary('refuse a device from now on, also in sessions that it has')
    .description('Mark a device as revoked. It cannot be registered again under this id.')
    .action((device: string, options: DevicesOptions) => {
      changeDevices(options.devices, (registry) => {
        if (registry.revoke(device)) return;
        const problem = `${options.devices} has no device ${device}`;
        throw new RatatoskrCommandError('ANDVARI_REFUSED', problem);
      });
      tell(context, options, { event: 'revoked', device });
    });
  withFile(ratatoskr.command('devices'))
    .summary('list the devices of a file')
    .description('The devices of a file, one per line: id, key, users.')
    .action((options: DevicesOptions) => list(options, context));
  ratatoskr
    .command('audit <file>')
    .summary('check that an audit log is whole')
    .description(
      'Follow the hash chain through an audit log and the files that it was rotated to. A server ' +
        'may write on meanwhile. What one found broken when it started is told for good.',
    )
    .option('--json', 'the result as a JSON object')
    .action((file: string, options: { json?: boolean }) => audit(file, options, context));
  registerTakingsCommand(ratatoskr, context);
}

function withFile(command: Command): Command {
  return command
    .option('--devices <file>', 'the devices file (ratatoskr.devices_file)', NETWORK_DEVICES)
    .option('--json', 'one JSON object per line');
}

function tell(
  context: CommandContext,
  { json, devices }: DevicesOptions,
  event: { event: string; device: string },
): void {
  if (json) context.event({ ...event, file: devices });
  else context.note(`${event.device}: ${event.event} in ${devices}`);
}

function list({ devices: path, json }: DevicesOptions, context: CommandContext): void {
  // For a server that is a registry without a device; here it is a wrong path.
  if (!existsSync(path)) {
    throw new RatatoskrCommandError('ANDVARI_DEVICES_MISSING', `${path}: there is no such file`);
  }
  for (const { deviceId, publicKey, userIds, revoked } of openRegistry(path).list()) {
    const key = Buffer.from(publicKey).toString('hex');
    if (json) context.event({ device: deviceId, key, users: [...userIds], revoked });
    else {
      const state = revoked ? '  (revoked)' : '';
      context.result(`${deviceId}  ${key}  ${[...userIds].join(', ')}${state}`);
    }
  }
}

function audit(file: string, { json }: { json?: boolean }, context: CommandContext): void {
  const verdict = verifyAuditFiles(file);
  if (!verdict.ok) {
    const problem = `${verdict.file}: ${verdict.problem}`;
    const code = verdict.missing ? 'ANDVARI_AUDIT_MISSING' : 'ANDVARI_AUDIT_BROKEN';
    throw new RatatoskrCommandError(code, problem);
  }
  const { ok: _, ...whole } = verdict;
  if (json) context.event({ event: 'audit', ...whole });
  else tellWhole(file, whole, context);
  if (whole.breaks.length > 0) {
    const told = whole.breaks.slice(-BREAKS_TOLD).map(({ time, problem }) => `${time} ${problem}`);
    const problem = `${file} goes on whole, and was not when a server found it: ${told.join('; ')}`;
    throw new RatatoskrCommandError('ANDVARI_AUDIT_LOSS', problem);
  }
}

function tellWhole(file: string, whole: AuditWhole, context: CommandContext): void {
  const { records, head, headKept, unfinishedBytes, leftOut } = whole;
  if (records > 0) {
    context.result(head);
    context.note(`${records} records are as they were written; the last one's hash is above`);
  } else if (unfinishedBytes === 0) {
    context.note(`${file} is empty: there is no record to check`);
    return;
  }
  if (unfinishedBytes > 0) {
    const line = `the last line was not finished (${unfinishedBytes} bytes), as a crash leaves it`;
    context.note(`${line}: nothing that ${file}.head knows is missing`);
  }
  if (leftOut > 0) context.note(`${leftOut} events came too fast: that they did is all it tells`);
  if (!headKept) {
    context.note(`without ${file}.head nobody can tell whether there were more behind them`);
  }
}

function parsePublicKey(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new InvalidArgumentError('wanted 64 hex digits.');
  return Uint8Array.from(Buffer.from(text, 'hex'));
}
