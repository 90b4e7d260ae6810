/**
 * What an endpoint is given by programs that nobody has typed, looked at before it is open: else
 * the first request, or the first connection, finds what is wrong.
 */

/** A kind of value: whether this is one, and what it is called. */
type Kind = readonly [is: (value: unknown) => boolean, wanted: string];

const isFunction = (value: unknown) => typeof value === 'function';
const has = (value: unknown, ...methods: string[]) =>
  methods.every((name) => isFunction((value as Record<string, unknown> | null)?.[name]));
const isText = (value: unknown) => typeof value === 'string' && value !== '';

const TEXT: Kind = [isText, 'a string that is not empty'];
const TEXTS: Kind = [(value) => Array.isArray(value) && value.every(isText), 'an array of strings'];
const FLAG: Kind = [(value) => typeof value === 'boolean', 'true or false'];
const SOURCE: Kind = [(value) => has(value, 'current', 'hashes'), 'a CertificateSource'];
const SERVICE: Kind = [(value) => has(value, 'handle'), 'a Service with a method handle'];

/** By where they stand in the options. Those of numbers are checked where they are used. */
const OPTIONS: readonly (readonly [path: string, kind: Kind, required?: 'required'])[] = [
  ['listen.host', TEXT, 'required'],
  ['files.devices', TEXT, 'required'],
  ['files.serverKey', TEXT, 'required'],
  ['files.audit', TEXT, 'required'],
  ['files.answers', TEXT, 'required'],
  ['services', [isFunction, 'a function that opens them'], 'required'],
  ['hosts', TEXTS],
  ['origins', TEXTS],
  ['certificate', [isFunction, 'a function that gives a CertificateSource']],
  ['webTransport', SOURCE],
  ['allowPlain', FLAG],
  ['strictShape', FLAG],
  ['requireV2', FLAG],
  ['authenticator', [(value) => has(value, 'admit'), 'an object with a method admit']],
];

/** @throws TypeError, which names the option */
export function checkEndpointOptions(options: object): void {
  for (const [path, kind, required] of OPTIONS) {
    const value = path
      .split('.')
      .reduce<unknown>((at, name) => (at as Record<string, unknown> | undefined)?.[name], options);
    if (value !== undefined || required) check(path, value, kind);
  }
  const { perSecond = 1, burst = 1 } = (options as Rated).connectionRate ?? {};
  for (const [name, value] of Object.entries({ perSecond, burst })) {
    if (typeof value === 'number' && value > 0 && Number.isFinite(value)) continue;
    throw new RangeError(`connectionRate.${name}: wanted a number above 0, got ${value}`);
  }
}

interface Rated {
  connectionRate?: { perSecond?: unknown; burst?: unknown };
}

/** What `services` of the options has opened. @throws TypeError, which names the service */
export function checkServices(services: unknown): void {
  const { routes, fallback, close } = (services ?? {}) as Record<string, unknown>;
  check('services().routes', routes, [(value) => value instanceof Map, 'a Map of services']);
  for (const [type, service] of routes as Map<unknown, unknown>) {
    check('a key of services().routes', type, [(key) => typeof key === 'string', 'a string']);
    check(`services().routes, ${type}`, service, SERVICE);
  }
  if (fallback !== undefined) check('services().fallback', fallback, SERVICE);
  if (close !== undefined) check('services().close', close, [isFunction, 'a function']);
}

function check(what: string, value: unknown, [is, wanted]: Kind): void {
  if (is(value)) return;
  const got = value === null ? 'null' : typeof value;
  throw new TypeError(`${what}: wanted ${wanted}, got ${got}`);
}
