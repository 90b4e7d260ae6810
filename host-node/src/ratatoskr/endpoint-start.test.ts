/** A start that fails at each of its steps leaves nothing behind: the next one succeeds. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { Counter, Registry } from 'prom-client';
import { beforeEach, expect, it } from 'vitest';
import { createLogger } from '../log/logger.ts';
import { folderForTests } from '../testing/folder.ts';
import { quicAvailable } from '../webtransport/testing/quic-client.ts';
import { RatatoskrEndpoint, type RatatoskrOptions } from './endpoint.ts';
import { filesIn } from './testing/endpoint-files.ts';

const logger = createLogger({ level: 'silent' });
const HERE = '127.0.0.1';

const folder = folderForTests('start');
/** Services that were opened and not closed. */
let open = 0;
beforeEach(() => {
  open = 0;
});

const at = (name: string) => folder.at(name);
/** A source of certificates that gives this. */
const certificateOf = (current: () => unknown) =>
  ({ current, hashes: () => [] }) as unknown as RatatoskrOptions['webTransport'];

function services() {
  open++;
  return { routes: new Map(), close: () => void open-- };
}

function start(options: object = {}, registry?: Registry): Promise<RatatoskrEndpoint> {
  const files = filesIn(folder.path);
  const right: RatatoskrOptions = { listen: { host: HERE, port: 0 }, files, services };
  return RatatoskrEndpoint.start(
    { ...right, ...options },
    { logger, ...(registry ? { registry } : {}) },
  );
}

async function expectNothingLeft(): Promise<void> {
  expect(open).toBe(0);
  const endpoint = await start();
  expect(open).toBe(1);
  await endpoint.close();
  expect(open).toBe(0);
}

const thrown = (text: string) => () => {
  throw new Error(text);
};

const typeError = (message: string) => ({
  ...{ name: 'TypeError', message: expect.stringContaining(message) },
});
/** Services that are closed when they were refused, too. */
const routed = (...routes: [unknown, unknown][]) => ({
  services: () => ({ ...services(), routes: new Map(routes) }),
});
const falling = (fallback: unknown) => ({ services: () => ({ ...services(), fallback }) });

/** In the order of the steps. */
const wrongOptions: [string, object, object][] = [
  ['the certificate', { certificate: thrown('no certificate') }, { message: 'no certificate' }],
  ['services that throw', { services: thrown('no services') }, { message: 'no services' }],
  ['services that are none', { services: () => undefined }, { name: 'TypeError' }],
  ['routes that are none', { services: () => ({ routes: {} }) }, { name: 'TypeError' }],
  ['a route that is none', routed(['a', {}]), typeError('services().routes, a: wanted a Service')],
  ['a route that is null', routed(['a', null]), typeError('services().routes, a: wanted')],
  ['a route of no name', routed([5, { handle() {} }]), typeError('a key of services().routes')],
  ['a fallback that is a number', falling(5), typeError('services().fallback: wanted a Service')],
  ['a fallback without a handle', falling({ name: 'x' }), typeError('services().fallback')],
  ['services that are a value', { services: { routes: new Map() } }, typeError('services: wanted')],
  ['no services', { services: undefined }, typeError('services: wanted a function')],
  ['an authenticator', { authenticator: () => true }, typeError('authenticator: wanted')],
  ['a file', { files: { devices: 5 } }, typeError('files.devices: wanted a string')],
  ['no files', { files: undefined }, typeError('files.devices: wanted a string')],
  ['an origin', { origins: 'https://a.test' }, typeError('origins: wanted an array')],
  ['a flag', { requireV2: 'false' }, typeError('requireV2: wanted true or false, got string')],
  ['WebTransport that is none', { webTransport: true }, typeError('webTransport: wanted a Cert')],
  ['a certificate that is a value', { certificate: {} }, typeError('certificate: wanted a func')],
  ['a connection rate', { connectionRate: { perSecond: '5' } }, { name: 'RangeError' }],
  ['a connection rate of 0', { connectionRate: { perSecond: 0 } }, { name: 'RangeError' }],
  ['an endless burst', { connectionRate: { burst: Infinity } }, { name: 'RangeError' }],
  ['a deadline', { serviceDeadlineMs: Number.NaN }, { name: 'RangeError' }],
  ['a deadline of 0', { serviceDeadlineMs: 0 }, { name: 'RangeError' }],
  [
    'a certificate that is none',
    { certificate: () => certificateOf(() => ({ cert: 'x', key: 'y' })) },
    { code: expect.stringContaining('PEM') },
  ],
  ['the replay cache', { replayEntries: 2_000_000 }, { name: 'RangeError' }],
  ['the replay cache, negative', { replayEntries: -1 }, { name: 'RangeError' }],
  ['the skew', { skewS: Number.NaN }, { name: 'RangeError' }],
  ['a rate', { rates: { perMinute: Number.NaN } }, { name: 'RangeError' }],
  ['a rate of 0', { rates: { perHour: 0 } }, { name: 'RangeError' }],
  ['an endless rate', { rates: { perHour: Number.POSITIVE_INFINITY } }, { name: 'RangeError' }],
  ['the connections', { connectionsMax: Number.NaN }, { name: 'RangeError' }],
  ['a port', { listen: { host: HERE, port: 70_000 } }, { name: 'RangeError' }],
  [
    'a host',
    { listen: { host: '999.1.1.1', port: 0 }, allowPlain: true },
    { name: 'AddressError' },
  ],
  ['plain text for others', { listen: { host: '0.0.0.0', port: 0 } }, { name: 'PlainTextError' }],
  [
    'services that cannot be closed either',
    {
      services: () => ({ routes: new Map(), close: thrown('stuck') }),
      listen: { host: HERE, port: 70_000 },
    },
    { name: 'RangeError' },
  ],
];

it('fails at wrong options, each in the place of the one before', async () => {
  for (const [what, options, error] of wrongOptions) {
    // A lock that one has left would be what the next one fails at.
    await expect(start(options), what).rejects.toMatchObject(error);
    expect(open, what).toBe(0);
  }
  await expectNothingLeft();
});

it.runIf(quicAvailable)('fails at WebTransport', async () => {
  const webTransport = certificateOf(thrown('no certificate'));
  await expect(start({ webTransport })).rejects.toThrow('no certificate');
  await expectNothingLeft();
});

it.each([
  ['the audit log', 'audit.log'],
  ['the answers', 'answers.db'],
  ['the key', 'key'],
  ['the devices', 'devices.json'],
])('fails at the file of %s', async (_, name) => {
  mkdirSync(at(name));
  await expect(start()).rejects.toMatchObject({ code: expect.stringMatching(/^ANDVARI_/) });
  rmSync(at(name), { recursive: true });
  await expectNothingLeft();
});

it('fails at the content of the key', async () => {
  writeFileSync(at('key'), 'no key');
  await expect(start()).rejects.toMatchObject({ code: 'ANDVARI_RATATOSKR_KEY' });
  rmSync(at('key'));
  await expectNothingLeft();
});

it('fails at a port that somebody has', async () => {
  const other = createServer();
  await new Promise<void>((resolve) => other.listen(0, HERE, resolve));
  const { port } = other.address() as AddressInfo;
  await expect(start({ listen: { host: HERE, port } })).rejects.toMatchObject({
    name: 'PortInUseError',
  });
  await new Promise((resolve) => other.close(resolve));
  await expectNothingLeft();
});

it('fails at a registry that has the metrics of another, until that is closed', async () => {
  const registry = new Registry();
  const first = await start({}, registry);
  const elsewhere = filesIn(at('2'));
  await expect(start({ files: elsewhere }, registry)).rejects.toThrow(TypeError);
  // Those of the first are as they were.
  expect(await registry.metrics()).toContain('andvari_ratatoskr_devices 0');
  await first.close();
  expect(await registry.metrics()).not.toContain('andvari');
  await (await start({ files: elsewhere }, registry)).close();
  await expectNothingLeft();
});

it('leaves no metric where one has a name of ours', async () => {
  const registry = new Registry();
  const name = 'andvari_ratatoskr_audit_lost_total';
  const foreign = new Counter({ name, help: 'foreign', registers: [registry] });
  await expect(start({}, registry)).rejects.toThrow(`this one has ${name} already`);
  expect(registry.getMetricsAsArray()).toEqual([foreign]);
  await expectNothingLeft();
});

it('is closed once, and what cannot be closed keeps nothing else open', async () => {
  const endpoint = await start({
    services: () => ({ routes: new Map(), close: thrown('stuck') }),
  });
  const ends = [endpoint.close(), endpoint.close()];
  for (const end of ends) await expect(end).rejects.toThrow('stuck');
  await expectNothingLeft();
});
