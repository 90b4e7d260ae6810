import { describe, expect, it } from 'vitest';
import { Http3Code } from './http3-error.ts';
import { emitCloseSession, emitDrainSession, emitHeaders, emitTlv } from './http3-frames.ts';
import { RequestReader } from './request-reader.ts';
import { concatBytes } from './varint.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const code = (name: keyof typeof Http3Code) =>
  expect.objectContaining({ http3Code: Http3Code[name] });
const HEADERS = emitHeaders([[':method', 'CONNECT']]);

function read(...parts: readonly Uint8Array[]): unknown[] {
  const seen: unknown[] = [];
  const reader = new RequestReader({
    headers: (fields) => seen.push(fields),
    close: (closeCode, reason) => seen.push([closeCode, reason]),
    drain: () => seen.push('drain'),
  });
  for (const byte of concatBytes(...parts)) reader.feed(Uint8Array.of(byte));
  reader.end();
  return seen;
}

it('headers, a drain capsule, a close capsule in pieces', () => {
  const close = emitCloseSession(7, Buffer.from('done')).subarray(2);
  const pieces = [
    emitTlv(0, close.subarray(0, 3)),
    emitTlv(0, hex('')),
    emitTlv(0, close.slice(3)),
  ];
  expect(read(HEADERS, emitDrainSession(), ...pieces)).toEqual([
    [[':method', 'CONNECT']],
    'drain',
    [7, 'done'],
  ]);
});

it('skips frames and capsules that it does not know', () => {
  const unknown = emitTlv(0x21, new Uint8Array(70_000));
  const capsule = emitTlv(0, emitTlv(0x190b4d3d, new Uint8Array(70_000)));
  expect(read(unknown, HEADERS, unknown, capsule)).toHaveLength(1);
});

it('a reason of 1024 bytes, and none', () => {
  expect(read(HEADERS, emitCloseSession(1, Buffer.alloc(1024, 'x')))[1]).toEqual([
    1,
    'x'.repeat(1024),
  ]);
  expect(read(HEADERS, emitCloseSession(2 ** 32 - 1, hex('')))[1]).toEqual([2 ** 32 - 1, '']);
});

describe('refuses', () => {
  it.each([
    ['DATA before HEADERS', hex('00 00'), 'FRAME_UNEXPECTED'],
    ['SETTINGS', hex('04 00'), 'FRAME_UNEXPECTED'],
    ['a frame of HTTP/2', hex('06 00'), 'FRAME_UNEXPECTED'],
    ['headers twice', concatBytes(HEADERS, HEADERS), 'FRAME_UNEXPECTED'],
    ['GOAWAY', concatBytes(HEADERS, hex('07 01 00')), 'FRAME_UNEXPECTED'],
    ['a session stream that is none', concatBytes(HEADERS, hex('4041 00')), 'FRAME_ERROR'],
    ['nothing', hex(''), 'REQUEST_INCOMPLETE'],
    ['headers that are cut off', HEADERS.subarray(0, -1), 'FRAME_ERROR'],
    ['a frame that is cut off', concatBytes(HEADERS, hex('00 05 01')), 'FRAME_ERROR'],
    ['a capsule that is cut off', concatBytes(HEADERS, hex('00 02 6843')), 'MESSAGE_ERROR'],
    ['headers of 16 KiB and one byte', hex('01 80004001'), 'EXCESSIVE_LOAD'],
    ['a field of the dynamic table', hex('01 03 000080'), 'QPACK_DECOMPRESSION_FAILED'],
    ['a close of three bytes', concatBytes(HEADERS, hex('00 06 6843 03 000000')), 'MESSAGE_ERROR'],
    [
      'a reason of 1025 bytes',
      concatBytes(HEADERS, emitCloseSession(1, Buffer.alloc(1025))),
      'MESSAGE_ERROR',
    ],
    [
      'a reason that is not UTF-8',
      concatBytes(HEADERS, emitCloseSession(1, hex('ff'))),
      'MESSAGE_ERROR',
    ],
    ['a drain with a value', concatBytes(HEADERS, hex('00 06 800078ae 01 00')), 'MESSAGE_ERROR'],
    [
      'a capsule behind the last',
      concatBytes(HEADERS, emitCloseSession(1, hex('')), emitDrainSession()),
      'MESSAGE_ERROR',
    ],
  ] as const)('%s', (_, bytes, name) => {
    expect(() => read(bytes)).toThrow(code(name));
  });
});
