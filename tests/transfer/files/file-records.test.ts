import {
  CHUNK_RECORD_BYTES,
  chunkRecord,
  encodeRecord,
  type FileRecord,
  FileRecordError,
  RecordReader,
  RecordType,
} from '@andvari/host-common/transfer/files/file-records';
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../seeded-random.ts';

type Random = ReturnType<typeof randomFrom>;

const bytesOf = (random: Random, length: number) => Uint8Array.from({ length }, () => random(256));

function anyRecord(random: Random): FileRecord {
  const place = random(1 << 20);
  const records: FileRecord[] = [
    { type: RecordType.CHUNK_REQUEST, first: place, count: 1 + random(1000) },
    { type: RecordType.ACCEPT, wantsValues: random(2) === 1, have: place },
    { type: RecordType.REJECT, code: random(2 ** 31) },
    { type: random(2) === 0 ? RecordType.PAUSE : RecordType.RESUME },
    { type: RecordType.CHUNK_HASHES, first: place, values: bytesOf(random, 32 * (1 + random(5))) },
    { type: RecordType.COMPLETE, hash: bytesOf(random, 32) },
    { type: RecordType.CHUNK, index: place, bytes: bytesOf(random, 1 + random(300)) },
    { type: RecordType.FAILED, code: random(2 ** 31) },
  ];
  return records[random(records.length)] as FileRecord;
}

/** All records of a text of them, fed in pieces of any length. */
function readAll(bytes: Uint8Array, random: Random): FileRecord[] {
  const reader = new RecordReader();
  const found: FileRecord[] = [];
  for (let at = 0; at < bytes.length; ) {
    const piece = bytes.subarray(at, at + 1 + random(40));
    for (const record of reader.feed(piece)) found.push(structuredClone(record));
    at += piece.length;
  }
  reader.end();
  return found;
}

describe('records', () => {
  it('come out as they went in, in pieces of any length', () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    for (let round = 0; round < 100; round++) {
      const records = Array.from({ length: 1 + random(10) }, () => anyRecord(random));
      const text = Buffer.concat(records.map(encodeRecord));
      expect(readAll(text, random), `seed ${seed}`).toEqual(records);
    }
  });

  it('of a chunk, filled in behind its head', () => {
    const memory = new Uint8Array(CHUNK_RECORD_BYTES);
    const { record, content } = chunkRecord(2 ** 20, 5, memory);
    content.set([1, 2, 3, 4, 5]);
    const chunk = { type: RecordType.CHUNK, index: 2 ** 20, bytes: content } as const;
    expect(record).toEqual(encodeRecord(chunk));
    expect([...new RecordReader().feed(record)]).toEqual([chunk]);
  });

  it('as they stand in the reference', () => {
    const request = { type: RecordType.CHUNK_REQUEST, first: 258, count: 3 };
    expect(Buffer.from(encodeRecord(request)).toString('hex')).toBe(
      `0100${'0000000c'}${'0000000000000102'}00000003`,
    );
  });
});

describe('what is no record', () => {
  const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(' ', ''), 'hex'));
  it.each([
    ['of no type', '0999 00000001 00'],
    ['an empty one', '0102 00000000'],
    ['more chunks than any file has', '0102 00000009 000000000000200001'],
    ['longer than any', '0110 00040009'],
    ['of 4 GiB', '0110 ffffffff'],
    ['a request for nothing', '0100 0000000c 0000000000000000 00000000'],
    ['a request beyond every file', '0100 0000000c 00000000001fffff 00000002'],
    ['a request of another length', '0100 0000000b 0000000000000000 000000'],
    ['a place beyond every file', '0110 00000009 0000000000200000 00'],
    ['a place of 64 bits', '0110 00000009 ffffffffffffffff 00'],
    ['a chunk of nothing', '0110 00000008 0000000000000000'],
    ['values of half a length', '0106 00000018 0000000000000000 00000000000000000000000000000000'],
    ['no values', '0106 00000008 0000000000000000'],
    ['neither yes nor no', '0102 00000009 020000000000000000'],
    ['a pause that says more', '0104 00000001 01'],
    ['a reason of another length', '0103 00000003 000000'],
    ['a hash of another length', '0107 00000001 00'],
  ])('%s', (_, text) => {
    expect(() => [...new RecordReader().feed(hex(text))]).toThrow(FileRecordError);
  });

  it('the end in the middle of one', () => {
    const whole = encodeRecord({ type: RecordType.ACCEPT, wantsValues: true, have: 1 });
    for (let length = 1; length < whole.length; length++) {
      const reader = new RecordReader();
      expect([...reader.feed(whole.subarray(0, length))]).toEqual([]);
      expect(() => reader.end()).toThrow(FileRecordError);
    }
    expect(() => new RecordReader().end()).not.toThrow();
  });

  it('wild bytes: a record or an error, and never more memory than a record has', () => {
    const seed = seedOfRun();
    const random = randomFrom(seed);
    let [records, errors] = [0, 0];
    for (let round = 0; round < 3000; round++) {
      const text = encodeRecord(anyRecord(random));
      for (let flips = random(4); flips > 0; flips--) text[random(text.length)] = random(256);
      try {
        records += [...new RecordReader().feed(text)].length;
      } catch (error) {
        expect(error, `seed ${seed}`).toBeInstanceOf(FileRecordError);
        errors++;
      }
    }
    expect(Math.min(records, errors), `seed ${seed}`).toBeGreaterThan(0);
  });
});
