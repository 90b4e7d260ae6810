import { describe, expect, it } from 'vitest';
import { ControlReader, QpackStreamReader } from './control-reader.ts';
import { Http3Code } from './http3-error.ts';
import { emitControlStart } from './http3-frames.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
const code = (name: keyof typeof Http3Code) =>
  expect.objectContaining({ http3Code: Http3Code[name] });

function read(text: string): ReadonlyMap<number, number> | undefined {
  let seen: ReadonlyMap<number, number> | undefined;
  const reader = new ControlReader((settings) => {
    seen = settings;
  });
  // Byte by byte: nothing may depend on how the stream was cut.
  for (const byte of hex(text)) reader.feed(Uint8Array.of(byte));
  return seen;
}

describe('the control stream', () => {
  it('what Chromium sends: known and unknown settings, GREASE', () => {
    const settings = read('04 14 01 80010000 06 8000 4000 33 01 ab603742 01 40ff 01');
    expect(settings?.get(0x33)).toBe(1);
    expect(settings?.get(0x2b603742)).toBe(1);
    expect(settings?.get(6)).toBe(16384);
  });

  it('what we send ourselves', () => {
    const reader = new ControlReader((settings) => {
      expect(settings.get(8)).toBe(1);
      expect(settings.get(1)).toBe(0);
    });
    reader.feed(emitControlStart().subarray(1));
    expect.assertions(2);
  });

  it('goes on: GOAWAY that falls, MAX_PUSH_ID that rises, unknown frames of any length', () => {
    read(`04 00 07 01 08 07 01 04 0d 01 01 0d 01 05 21 02 aabb 40ff 5000 ${'00'.repeat(0x1000)}`);
  });

  it.each([
    ['GOAWAY before SETTINGS', '07 01 00', 'MISSING_SETTINGS'],
    ['an unknown frame before SETTINGS', '21 00', 'MISSING_SETTINGS'],
    ['SETTINGS twice', '04 00 04 00', 'FRAME_UNEXPECTED'],
    ['DATA', '04 00 00 00', 'FRAME_UNEXPECTED'],
    ['HEADERS', '04 00 01 00', 'FRAME_UNEXPECTED'],
    ['PUSH_PROMISE', '04 00 05 00', 'FRAME_UNEXPECTED'],
    ['a frame of HTTP/2', '04 00 08 00', 'FRAME_UNEXPECTED'],
    ['a setting twice', '04 04 0100 0100', 'SETTINGS_ERROR'],
    ['a setting of HTTP/2', '04 02 0400', 'SETTINGS_ERROR'],
    ['datagrams neither on nor off', '04 02 3302', 'SETTINGS_ERROR'],
    ['a setting without value', '04 01 33', 'FRAME_ERROR'],
    ['a setting that is cut off', '04 02 3380', 'FRAME_ERROR'],
    ['SETTINGS of 16 KiB', '04 80004000', 'EXCESSIVE_LOAD'],
    ['GOAWAY that rises', '04 00 07 01 04 07 01 08', 'ID_ERROR'],
    ['MAX_PUSH_ID that falls', '04 00 0d 01 04 0d 01 03', 'ID_ERROR'],
    ['CANCEL_PUSH of no push', '04 00 03 01 00', 'ID_ERROR'],
    ['GOAWAY without number', '04 00 07 00', 'FRAME_ERROR'],
    ['GOAWAY with more than a number', '04 00 07 02 0000', 'FRAME_ERROR'],
  ] as const)('refuses %s', (_, text, name) => {
    expect(() => read(text)).toThrow(code(name));
  });
});

describe('the QPACK streams', () => {
  const feed = (side: 'encoder' | 'decoder', text: string) => {
    const reader = new QpackStreamReader(side);
    for (const byte of hex(text)) reader.feed(Uint8Array.of(byte));
    new QpackStreamReader(side).feed(hex(text));
  };

  it('allow a capacity of 0 and cancelled streams', () => {
    feed('encoder', '20 20');
    feed('decoder', '40 44 7f 05 7f 80 01');
  });

  it.each([
    ['encoder', 'a capacity above 0', '21'],
    ['encoder', 'an insert with name reference', 'c0 01 61'],
    ['encoder', 'an insert with literal name', '41 61 01 61'],
    ['encoder', 'a duplicate', '00'],
    ['encoder', 'a capacity beyond all bounds', '3f ff ff ff ff ff ff'],
    ['decoder', 'an acknowledged section', '80'],
    ['decoder', 'an insert count', '01'],
    ['decoder', 'an insert count of 0', '00'],
    ['decoder', 'a stream beyond all bounds', '7f ff ff ff ff ff ff'],
  ] as const)('%s: refuses %s', (side, _, text) => {
    const name = side === 'encoder' ? 'QPACK_ENCODER_STREAM_ERROR' : 'QPACK_DECODER_STREAM_ERROR';
    expect(() => feed(side, text)).toThrow(code(name));
  });
});
