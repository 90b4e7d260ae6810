import { expect, it } from 'vitest';
import { parseConnectRequest } from './connect-request.ts';
import type { Field } from './qpack.ts';
import { connectFields } from './testing/quic-client.ts';

it('takes what Chromium sends', () => {
  const fields = connectFields({
    ':path': '/ratatoskr?x=1',
    'sec-webtransport-http3-draft02': '1',
    'user-agent': 'Mozilla/5.0',
  });
  expect(parseConnectRequest(fields)).toEqual({
    authority: 'localhost',
    path: '/ratatoskr',
    query: '?x=1',
    origin: 'https://page.test',
  });
  expect(parseConnectRequest(connectFields({ origin: undefined })).origin).toBeUndefined();
});

const extra = (...fields: readonly Field[]) => [...connectFields(), ...fields];

it.each([
  ['no method', connectFields({ ':method': undefined }), 400],
  ['GET', connectFields({ ':method': 'GET', ':protocol': undefined }), 405],
  ['a plain CONNECT', connectFields({ ':protocol': undefined }), 405],
  ['another protocol', connectFields({ ':protocol': 'connect-udp' }), 501],
  ['http', connectFields({ ':scheme': 'http' }), 400],
  ['no scheme', connectFields({ ':scheme': undefined }), 400],
  ['no path', connectFields({ ':path': undefined }), 400],
  ['a path that does not start with a slash', connectFields({ ':path': '*' }), 400],
  ['no authority', connectFields({ ':authority': undefined }), 400],
  ['an empty authority', connectFields({ ':authority': '' }), 400],
  ['a host that differs', extra(['host', 'elsewhere']), 400],
  [
    'two paths',
    [...connectFields().slice(0, 5), [':path', '/b'], ...connectFields().slice(5)],
    400,
  ],
  ['two origins', extra(['origin', 'https://b.test']), 400],
  ['a pseudo-header behind others', extra([':extra', 'x']), 400],
  ['an unknown pseudo-header', [[':status', '200'], ...connectFields()], 400],
  ['capitals in a name', extra(['Accept', 'x']), 400],
  ['an empty name', extra(['', 'x']), 400],
  ['a line end in a value', extra(['accept', 'a\r\nb']), 400],
  ['a zero in a value', extra(['accept', 'a\0b']), 400],
  ['white space before a value', extra(['accept', ' b']), 400],
  ['a field of HTTP/1.1', extra(['connection', 'close']), 400],
  ['two hosts', extra(['host', 'localhost'], ['host', 'localhost']), 400],
  ['two methods', [[':method', 'CONNECT'], ...connectFields()], 400],
  ...['keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade'].map(
    (name) => [name, extra([name, 'x']), 400] as [string, Field[], number],
  ),
  ['te', extra(['te', 'gzip']), 400],
  ['te of more than trailers', extra(['te', 'trailers, gzip']), 400],
] as [string, Field[], number][])('refuses %s', (_, fields, status) => {
  expect(() => parseConnectRequest(fields)).toThrow(expect.objectContaining({ status }));
});

it('takes te: trailers, a host that is the authority, and cookies, which nobody gets', () => {
  const fields = extra(['te', 'trailers'], ['host', 'localhost'], ['cookie', 'a'], ['cookie', 'b']);
  expect(parseConnectRequest(fields)).toEqual(parseConnectRequest(connectFields()));
});
