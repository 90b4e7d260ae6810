// Anything at all into every reader of what a peer sends: none throws anything but its own errors,
// none keeps more than its bounds.
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { parseAnswerStatus } from './connect-answer.ts';
import { parseConnectRequest } from './connect-request.ts';
import { ControlReader, QpackStreamReader } from './control-reader.ts';
import { Http3ConnectionError, Http3RequestError, Http3StreamError } from './http3-error.ts';
import {
  emitCloseSession,
  emitControlStart,
  emitDrainSession,
  emitGoaway,
  emitHeaders,
  emitTlv,
} from './http3-frames.ts';
import { decodeFieldSection, encodeFieldSection } from './qpack.ts';
import { RequestReader } from './request-reader.ts';
import { cut, damage } from './testing/damage.ts';
import { connectFields } from './testing/quic-client.ts';
import { concatBytes, emitVarint } from './varint.ts';

const LONG = process.env.ANDVARI_LONG === '1';
const INPUTS = LONG ? 1_000_000 : 20_000;
const GROWTH_BYTES_MAX = 64 << 20;

interface Target {
  /** What it takes, to be damaged. */
  whole: Uint8Array;
  /** Reads bytes that come in these pieces. */
  read: (pieces: readonly Uint8Array[]) => void;
}

const request = concatBytes(
  emitTlv(0x21, new Uint8Array(5)),
  emitHeaders(connectFields({ 'sec-webtransport-http3-draft02': '1' })),
  emitDrainSession(),
  emitTlv(0, emitTlv(0x3f, new Uint8Array(9))),
  emitCloseSession(7, Buffer.from('enough')),
);

const answer = concatBytes(
  emitHeaders([
    [':status', '103'],
    ['link', '</a>'],
  ]),
  emitHeaders([
    [':status', '200'],
    ['sec-webtransport-http3-draft', 'draft02'],
  ]),
  emitDrainSession(),
  emitCloseSession(7, Buffer.from('enough')),
);

const targets: Record<string, Target> = {
  'control stream': {
    whole: concatBytes(
      emitControlStart().subarray(1),
      emitTlv(0x40, new Uint8Array(20)),
      emitTlv(0xd, emitVarint(9)),
      emitGoaway(400),
    ),
    read: (pieces) => {
      const reader = new ControlReader((settings) => {
        if (settings.size > 512) throw new Error('more settings than fit in 1 KiB');
      });
      for (const piece of pieces) reader.feed(piece);
    },
  },
  "a server's control stream": {
    whole: concatBytes(emitControlStart().subarray(1), emitGoaway(400), emitGoaway(0)),
    read: (pieces) => {
      const reader = new ControlReader(
        () => {},
        (id) => {
          if (id % 4 !== 0) throw new Error('an id of no request');
        },
      );
      for (const piece of pieces) reader.feed(piece);
    },
  },
  'encoder stream': {
    whole: Uint8Array.of(0x20, 0x20, 0x20, 0x20),
    read: (pieces) => {
      const reader = new QpackStreamReader('encoder');
      for (const piece of pieces) reader.feed(piece);
    },
  },
  'decoder stream': {
    whole: Uint8Array.of(0x40, 0x7f, 0x80, 0x01, 0x44, 0x45),
    read: (pieces) => {
      const reader = new QpackStreamReader('decoder');
      for (const piece of pieces) reader.feed(piece);
    },
  },
  'request stream': {
    whole: request,
    read: (pieces) => {
      const reader = new RequestReader({
        headers: (fields) => void parseConnectRequest(fields),
        close: (code, reason) => {
          if (code > 0xffffffff || Buffer.byteLength(reason) > 1024) throw new Error('bounds');
        },
        drain: () => {},
      });
      for (const piece of pieces) reader.feed(piece);
      reader.end();
    },
  },
  "an answer's stream": {
    whole: answer,
    read: (pieces) => {
      const reader = new RequestReader({
        headers: (fields) => {
          if (parseAnswerStatus(fields) < 200) throw new Error('an interim answer');
        },
        isInterim: (fields) => parseAnswerStatus(fields) < 200,
        close: () => {},
        drain: () => {},
      });
      for (const piece of pieces) reader.feed(piece);
      reader.end();
    },
  },
  'field section': {
    whole: encodeFieldSection(connectFields({ cookie: 'a=b', accept: '*/*', x: '\u00ff~"' })),
    read: (pieces) => {
      // Two bytes make at most one field of the static table, whose longest has 89 characters; a
      // Huffman code has at least five bits a character.
      const bytes = concatBytes(...pieces);
      const fields = decodeFieldSection(bytes);
      const characters = fields.reduce((sum, [name, value]) => sum + name.length + value.length, 0);
      if (characters > 100 * bytes.length) throw new Error('more came out than can be inside');
      parseConnectRequest(fields);
    },
  },
};

const seed = seedOfRun();
const random = randomFrom(seed);

const own = [Http3ConnectionError, Http3RequestError, Http3StreamError];

describe(`what a peer may send (ANDVARI_SEED=${seed})`, () => {
  it.each(Object.entries(targets))('%s', { timeout: 600_000 }, (_, { whole, read }) => {
    read([whole]);
    const before = process.memoryUsage().rss;
    let taken = 0;
    for (let count = 0; count < INPUTS / Object.keys(targets).length; count++) {
      const fresh = random(8) === 0;
      const bytes = fresh
        ? Uint8Array.from({ length: random(64) }, () => random(256))
        : damage(whole, random);
      const pieces = cut(bytes, random);
      try {
        read(pieces);
        taken++;
      } catch (error) {
        if (own.some((kind) => error instanceof kind)) continue;
        throw new Error(`input ${count}: ${Buffer.from(bytes).toString('hex')}`, { cause: error });
      }
    }
    // Damage is not always harm: a canary that the readers are reached at all.
    expect(taken).toBeGreaterThan(0);
    expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_BYTES_MAX);
  });

  it('a frame that announces 2^61 bytes costs nothing', () => {
    const huge = concatBytes(emitVarint(0x21), Uint8Array.of(0xff, ...Array(7).fill(0xff)));
    const reader = new ControlReader(() => {});
    reader.feed(emitControlStart().subarray(1));
    reader.feed(huge);
    const chunk = new Uint8Array(1 << 20);
    const before = process.memoryUsage().rss;
    for (let count = 0; count < 256; count++) reader.feed(chunk);
    expect(process.memoryUsage().rss - before).toBeLessThan(GROWTH_BYTES_MAX);
  });
});
