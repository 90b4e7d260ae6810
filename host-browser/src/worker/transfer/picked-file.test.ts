import { describe, expect, it } from 'vitest';
import { factsIn } from './file-facts.ts';
import { PickedFile } from './picked-file.ts';
import { placeError } from './place-error.ts';

const file = (name: string, text = 'hello there') => new File([text], name, { lastModified: 5 });

describe('a picked file', () => {
  it('is read where it lies', async () => {
    const picked = new PickedFile(file('a b.txt'));
    expect(picked).toMatchObject({ name: 'a b.txt', size: 11, modifiedUs: 5000n });
    const into = new Uint8Array(5);
    await picked.read(6, into);
    expect(new TextDecoder().decode(into)).toBe('there');
    await picked.read(11, new Uint8Array(0));
  });

  it('is refused by a name that some systems do not take', () => {
    expect(() => new PickedFile(file('a:b'))).toThrow(
      expect.objectContaining({ code: 'ANDVARI_FILE_OFFER' }),
    );
  });

  it('that has changed is none any more', async () => {
    const gone = file('x');
    gone.slice = () => ({ arrayBuffer: () => Promise.reject(new Error('gone')) }) as Blob;
    const wanted = { code: 'ANDVARI_FILE_CHANGED' };
    await expect(new PickedFile(gone).read(0, new Uint8Array(3))).rejects.toMatchObject(wanted);
    const short = file('x');
    short.slice = () => new Blob(['he']);
    await expect(new PickedFile(short).read(0, new Uint8Array(3))).rejects.toMatchObject(wanted);
  });

  it('has no bytes beyond its end', async () => {
    const picked = new PickedFile(file('x'));
    await expect(picked.read(10, new Uint8Array(2))).rejects.toThrow(RangeError);
    await expect(picked.read(-1, new Uint8Array(1))).rejects.toThrow(RangeError);
  });
});

describe('what is kept beside a file', () => {
  it('is read, or is none', () => {
    const facts = { name: 'x', size: 3, hash: 'ab', isWhole: true };
    expect(factsIn(JSON.stringify(facts))).toEqual(facts);
    expect(factsIn(JSON.stringify({ ...facts, isWhole: 1 }))).toEqual({ ...facts, isWhole: false });
    for (const text of ['', '{', 'null', '{}', '{"name":1,"size":1,"hash":""}', '{"size":1.5}']) {
      expect(factsIn(text)).toBeUndefined();
    }
  });
});

describe('errors of the storage', () => {
  it.each([
    ['QuotaExceededError', 'ANDVARI_PLACE_FULL'],
    ['NoModificationAllowedError', 'ANDVARI_PLACE_IN_USE'],
    ['SecurityError', 'ANDVARI_PLACE'],
  ])('%s', (name, code) => {
    expect(placeError(new DOMException('x', name))).toMatchObject({ code });
  });

  it('keep a code that they have', () => {
    const error = Object.assign(new Error('x'), { code: 'ANDVARI_OTHER' });
    expect(placeError(error)).toBe(error);
  });
});
