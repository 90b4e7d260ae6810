import { describe, expect, it } from 'vitest';
import { createLogger, type LoggerOptions } from './logger.ts';

function capture(options: Omit<LoggerOptions, 'write'>) {
  const lines: string[] = [];
  const logger = createLogger({ ...options, write: (line) => lines.push(line) });
  return { logger, lines };
}

describe('createLogger', () => {
  it('writes one human line with its fields', () => {
    const { logger, lines } = capture({});
    logger.info({ port: 25000, note: 'two words' }, 'listening');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} info {2}listening {2}port=25000 {2}note="two words"\n$/,
    );
  });

  it('writes one JSON object per line when asked to', () => {
    const { logger, lines } = capture({ json: true });
    logger.child({ raida: 3 }).warn({ status: 252 }, 'store');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 40,
      raida: 3,
      status: 252,
      msg: 'store',
    });
  });

  it('keeps what is below the level to itself', () => {
    const { logger, lines } = capture({ level: 'warn' });
    logger.info('hidden');
    logger.warn('shown');
    expect(lines).toHaveLength(1);
  });

  it.each([true, false])('never writes a secret (json: %s)', (json) => {
    const { logger, lines } = capture({ json, level: 'trace' });
    const secret = 'c0ffee00c0ffee00c0ffee00c0ffee00';
    const bytes = Uint8Array.from([222, 173, 190, 239]);
    logger
      .child({ adminKey: secret })
      .info(
        { coin: { authenticationNumber: secret, an: secret }, list: [{ newAn: secret }], bytes },
        'pown',
      );
    logger.info({ passphrase: secret, key: bytes, deep: { a: { b: { c: { d: secret } } } } }, 'x');
    expect(lines.join('')).not.toContain('c0ffee');
    expect(lines.join('')).not.toContain('173');
    expect(lines.join('')).toContain('[4 bytes]');
  });

  it('shows an error without its stack, and with it when verbose', () => {
    const error = Object.assign(new Error('port taken', { cause: new Error('EADDRINUSE') }), {
      code: 'ANDVARI_PORT_IN_USE',
    });
    const plain = capture({});
    plain.logger.error({ err: error }, 'start');
    expect(plain.lines[0]).toContain('port taken: EADDRINUSE (ANDVARI_PORT_IN_USE)\n');
    const verbose = capture({ level: 'debug', json: true });
    verbose.logger.error({ err: error }, 'start');
    expect(JSON.parse(verbose.lines[0] ?? '').err.stack).toContain('logger.test.ts');
  });

  it('takes control characters out of human text', () => {
    const { logger, lines } = capture({});
    logger.info({ path: 'a\u001b[2Jb' }, 'evil\u001b]0;title\u0007');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be absent.
    expect(lines[0]?.trimEnd()).not.toMatch(/[\u0000-\u001f]/);
  });
});
