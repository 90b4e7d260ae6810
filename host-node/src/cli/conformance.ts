/** `andvari conformance`: the suite against any RAIDA server, and the state it wants. */
import { Writable } from 'node:stream';
import { parsePeerId } from '@andvari/host-common/transfer/peer-id-text';
import { type Command, InvalidArgumentError, Option } from 'commander';
import type { CaseFacts } from '../conformance/case.ts';
import { RATE } from '../conformance/peer/talk.ts';
import { countVerdicts, type Report } from '../conformance/report.ts';
import { DEFAULT_RAIDA_ID } from '../conformance/state.ts';
import type { CaseResult } from '../conformance/verdict.ts';
import type { CommandContext } from './command-context.ts';
import { type Campaign, type RaidaOptions, raidaCampaign } from './conformance-campaign.ts';
import { parseRaida, wireOption } from './conformance-options.ts';
import { PROTOCOLS, type ProtocolOptions, protocolCampaign } from './conformance-protocols.ts';
import {
  ConformanceUsageError,
  type ReportFiles,
  tellCase,
  tellEnd,
  tryReports,
  writeReports,
} from './conformance-report.ts';
import { registerConformanceState } from './conformance-state.ts';
import { ExitCode } from './exit-code.ts';
import { passphraseOf } from './transfer-identity.ts';

interface ConformanceOptions extends RaidaOptions, ProtocolOptions, ReportFiles {
  protocol: string;
  case: string[];
  list?: boolean;
  json?: boolean;
}

export function registerConformanceCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('conformance')
    .summary('run the conformance suite against any server')
    .description(
      'Run the conformance suite of a protocol against a server, in whatever language it is ' +
        "written. One of RAIDA was prepared with the suite's state before (andvari conformance " +
        'state); of the others docs/conformance.md says what they need.',
    )
    .addOption(
      new Option('--protocol <name>', 'what the server speaks')
        .choices(['raida', ...PROTOCOLS])
        .default('raida'),
    )
    .option(
      '--target <url>',
      'udp://HOST:PORT, tcp://HOST:PORT, wss://HOST:PORT/PATH; peer: /ip4/.../p2p/PEER',
    )
    .option('--ca <file>', "authorities to trust in the place of the system's, PEM")
    .addOption(wireOption())
    .option('--modern', 'the server takes encryption types 4 and 5 as well')
    .option('--raida <number>', 'number of the server, 0-24', parseRaida, DEFAULT_RAIDA_ID)
    .option(
      '--case <id>',
      'only that case, or all whose id begins so; may be repeated',
      collect,
      [],
    )
    .option('--timeout <ms>', 'how long a reply may take', parseTimeout, 5000)
    .option(
      '--key <file>',
      'ratatoskr: key of a registered device; transfer: identity of a trusted peer; ' +
        "peer: instance key on the peer's list",
    )
    .option('--device <id>', 'ratatoskr: that device')
    .option('--user <id>', 'ratatoskr: a user that it speaks for')
    .option('--server-key <hex>', 'ratatoskr: key that answers are signed with', parseKey)
    .option('--peer <id>', 'transfer: peer ID of the node', parsePeer)
    .option(
      '--network <name/instance>',
      'peer: what it takes part in',
      parseNetwork,
      'andvari/main',
    )
    .option('--rate <number>', 'peer: requests that it answers in 10 s', parseRate, RATE)
    .option('--list', 'tell the cases; with --json also their requests; without asking anyone')
    .option('--json', 'one event per line')
    .option('--junit <file>', 'write the results as JUnit XML')
    .option('--html <file>', 'write the results as a page')
    .addHelpText(
      'after',
      '\nExit codes: 0 all pass (a SHOULD that fails is a warning), 1 wrong use, 2 the server\n' +
        'is not there or no longer answers, 3 a MUST failed.',
    )
    .action((options: ConformanceOptions) => runWatched(options, context));
  registerConformanceState(command, context);
}

function parseTimeout(text: string): number {
  const ms = Number(text);
  if (/^\d{1,6}$/.test(text) && ms >= 50 && ms <= 60_000) return ms;
  throw new InvalidArgumentError('wanted milliseconds from 50 to 60000.');
}

function parseRate(text: string): number {
  const rate = Number(text);
  if (/^\d{2,4}$/.test(text) && rate >= 50) return rate;
  throw new InvalidArgumentError('wanted a number from 50 to 9999.');
}

function parseKey(text: string): Buffer {
  if (/^[0-9a-f]{64}$/i.test(text)) return Buffer.from(text, 'hex');
  throw new InvalidArgumentError('wanted a key of 64 hex digits.');
}

function parsePeer(text: string): Buffer {
  try {
    return Buffer.from(parsePeerId(text));
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
}

function parseNetwork(text: string): string {
  if (/^[!-.0-~]{1,100}\/[!-.0-~]{1,100}$/.test(text) && text.length <= 119) return text;
  throw new InvalidArgumentError('wanted NAME/INSTANCE, at most 119 bytes.');
}

function collect(text: string, before: string[]): string[] {
  return [...before, text];
}

/** Cases by id, or by how their ids begin. */
function chosenCases(cases: readonly CaseFacts[], wanted: readonly string[]) {
  if (wanted.length === 0) return cases;
  const has = ({ id }: CaseFacts, text: string) =>
    id === text || id.startsWith(`${text.replace(/\/$/, '')}/`);
  for (const text of wanted) {
    if (cases.some((one) => has(one, text))) continue;
    throw new ConformanceUsageError(`--case: there is no ${JSON.stringify(text)}; see --list`);
  }
  return cases.filter((one) => wanted.some((text) => has(one, text)));
}

/** The same as run(); results that cannot be written are an error. Throws ConformanceUsageError. */
async function runWatched(options: ConformanceOptions, context: CommandContext): Promise<void> {
  const { stdout } = context;
  if (!(stdout instanceof Writable)) {
    await run(options, context);
    return;
  }
  let failure: NodeJS.ErrnoException | undefined;
  const note = (error: NodeJS.ErrnoException) => {
    failure ??= error;
  };
  stdout.on('error', note);
  try {
    await run(options, context);
    // An error event comes after the call that it belongs to.
    await new Promise<void>((resolve) => stdout.write('', () => setImmediate(resolve)));
  } finally {
    stdout.off('error', note);
  }
  // A reader that has had enough (`| head`) is no error.
  if (failure === undefined || failure.code === 'EPIPE') return;
  throw new ConformanceUsageError(`standard output: ${failure.message}`, { cause: failure });
}

async function run(options: ConformanceOptions, context: CommandContext): Promise<void> {
  const { protocol, target } = options;
  if (target === undefined && !options.list) {
    throw new ConformanceUsageError('wanted --target; see --help');
  }
  const campaign =
    protocol === 'raida'
      ? raidaCampaign(options)
      : await protocolCampaign(protocol, { ...options, passphrase: passphraseOf({}, context) });
  const chosen = chosenCases(campaign.cases, options.case);
  const cases = chosen.filter((one) => campaign.applies(one));
  if (options.list) {
    await list(campaign, target === undefined ? chosen : cases, options.json ?? false, context);
    return;
  }
  if (cases.length === 0) {
    throw new ConformanceUsageError(`none of these cases applies to ${target}: ${campaign.about}`);
  }
  await measure({ campaign, cases, options, target: target ?? '' }, context);
}

async function list(
  campaign: Campaign,
  cases: readonly CaseFacts[],
  json: boolean,
  context: CommandContext,
): Promise<void> {
  for (const one of cases) {
    if (json) context.event(await campaign.describe(one));
    else context.result(`${one.id}  ${one.level}  ${one.title}`);
  }
}

interface Measurement {
  campaign: Campaign;
  cases: readonly CaseFacts[];
  options: ConformanceOptions;
  target: string;
}

async function measure(
  { campaign, cases, options, target }: Measurement,
  context: CommandContext,
): Promise<void> {
  const json = options.json ?? false;
  const { protocol, about, facts } = campaign;
  tryReports(options);
  const startedAt = new Date();
  const due = cases.length;
  if (json) context.event({ event: 'start', target, protocol, ...facts, cases: due });
  else context.note(`${due} cases against ${target}: ${about}`);
  let done = 0;
  const results: CaseResult[] = [];
  const finish = () => {
    const report: Report = { target, protocol, about, startedAt, results };
    writeReports(report, options);
    tellEnd(report, json, context);
  };
  try {
    await campaign.run(cases, {
      signal: context.signal,
      onRemark: (remark) => context.note(`andvari: ${remark}`),
      onResult: (result) => {
        results.push(result);
        tellCase(result, { json, progress: `${++done}/${due}` }, context);
      },
    });
  } catch (error) {
    // What was found until then is worth keeping.
    if (results.length > 0) finish();
    throw error;
  }
  finish();
  if (countVerdicts(results).fail > 0) context.exitCode = ExitCode.INTEGRITY;
}
