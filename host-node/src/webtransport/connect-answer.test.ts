import { expect, it } from 'vitest';
import { parseAnswerStatus } from './connect-answer.ts';
import { Http3Code } from './http3-error.ts';
import type { Field } from './qpack.ts';

const OK: Field = [':status', '200'];

it.each<[string, Field[], number]>([
  ['a status alone', [OK], 200],
  ['fields of an answer', [OK, ['server', 'x'], ['set-cookie', 'a'], ['set-cookie', 'b']], 200],
  ['a length, which means nothing here', [OK, ['content-length', '5']], 200],
  [
    'an interim one',
    [
      [':status', '103'],
      ['link', '</a>'],
    ],
    103,
  ],
  ['the highest', [[':status', '999']], 999],
  ['the lowest', [[':status', '100']], 100],
])('takes %s', (_, fields, status) => {
  expect(parseAnswerStatus(fields)).toBe(status);
});

it.each<[string, Field[], string]>([
  ['nothing', [], 'no :status'],
  ['fields without a status', [['server', 'x']], 'no :status'],
  ['two of them', [OK, OK], 'two of :status'],
  ['two that differ', [OK, [':status', '404']], 'two of :status'],
  ['one behind other fields', [['server', 'x'], OK], 'behind other fields'],
  ['a pseudo-header of requests', [OK, [':path', '/']], ':path is unknown'],
  ['a method', [[':method', 'CONNECT'], OK], ':method is unknown'],
  ['an unknown pseudo-header', [OK, [':new', 'x']], ':new is unknown'],
  ['capitals in a name', [OK, ['Server', 'x']], 'HTTP does not allow'],
  ['a capital in the status name', [[':Status', '200']], 'HTTP does not allow'],
  ['a line end in a value', [OK, ['server', 'a\r\nb']], 'HTTP does not allow'],
  ['connection', [OK, ['connection', 'close']], 'connection belongs to HTTP/1.1'],
  ['keep-alive', [OK, ['keep-alive', '5']], 'keep-alive belongs to HTTP/1.1'],
  ['proxy-connection', [OK, ['proxy-connection', 'x']], 'belongs to HTTP/1.1'],
  ['transfer-encoding', [OK, ['transfer-encoding', 'chunked']], 'belongs to HTTP/1.1'],
  ['upgrade', [OK, ['upgrade', 'x']], 'belongs to HTTP/1.1'],
  ['te, which is for requests', [OK, ['te', 'trailers']], 'belongs to HTTP/1.1'],
  ['an empty status', [[':status', '']], 'three digits'],
  ['two digits', [[':status', '20']], 'three digits'],
  ['four digits', [[':status', '2000']], 'three digits'],
  ['no digits', [[':status', 'abc']], 'three digits'],
  ['a status below 100', [[':status', '099']], 'three digits'],
  ['a reason behind it', [[':status', '200 OK']], 'three digits'],
  ['a switch of protocols', [[':status', '101']], 'status 101'],
])('refuses %s', (_, fields, why) => {
  expect(() => parseAnswerStatus(fields)).toThrow(
    expect.objectContaining({
      ...{ code: 'ANDVARI_HTTP3_STREAM', http3Code: Http3Code.MESSAGE_ERROR },
      message: expect.stringMatching(new RegExp(`^a malformed answer: .*${why}`)),
    }),
  );
});
