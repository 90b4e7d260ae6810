/** The prefixes that a program in the kernel finds agree with the engine's, whatever happens. */
import { describe, expect, it } from 'vitest';
import { randomFrom, seedOfRun } from '../../../tests/seeded-random.ts';
import { CidPrefixes } from './cid-prefixes.ts';

/** A map of the kernel's kind: `room` entries, and what is added twice stands there once. */
class Kernel {
  readonly listed = new Set<number>();
  readonly room: number;
  fails = false;

  constructor(room = 65_536) {
    this.room = room;
  }

  addPrefix(prefix: number): boolean {
    if (this.fails) throw new Error('bpf: not permitted');
    if (this.listed.size === this.room && !this.listed.has(prefix)) return false;
    this.listed.add(prefix);
    return true;
  }

  removePrefix(prefix: number): boolean {
    if (this.fails) throw new Error('bpf: not permitted');
    this.listed.delete(prefix);
    return true;
  }
}

describe('the prefixes of the kernel', () => {
  it('a prefix of two places stays until both have left it', () => {
    const kernel = new Kernel();
    const prefixes = new CidPrefixes(kernel);
    prefixes.change(1, 7);
    prefixes.change(2, 7);
    expect([prefixes.listed, prefixes.collisions]).toEqual([1, 1]);
    prefixes.change(1, 8);
    expect([...kernel.listed]).toEqual([7, 8]);
    prefixes.change(2, 0);
    expect([...kernel.listed]).toEqual([8]);
    prefixes.change(2, 0);
    prefixes.change(1, 0);
    expect([kernel.listed.size, prefixes.listed]).toEqual([0, 0]);
  });

  it('what finds no room has its turn, and is not taken off when it is not there', () => {
    const kernel = new Kernel(2);
    const prefixes = new CidPrefixes(kernel);
    for (const place of [1, 2, 3, 4]) prefixes.change(place, place);
    expect([...kernel.listed]).toEqual([1, 2]);
    expect([prefixes.listed, prefixes.refused]).toEqual([2, 2]);
    prefixes.change(3, 0);
    expect([...kernel.listed]).toEqual([1, 2]);
    prefixes.change(1, 0);
    expect([...kernel.listed]).toEqual([2, 4]);
    expect(prefixes.all.sort()).toEqual([2, 4]);
  });

  it('a kernel that refuses is no error', () => {
    const kernel = new Kernel();
    const prefixes = new CidPrefixes(kernel);
    kernel.fails = true;
    prefixes.change(1, 5);
    prefixes.change(1, 0);
    expect([prefixes.listed, prefixes.refused, kernel.listed.size]).toEqual([0, 1, 0]);
  });

  const seed = seedOfRun();
  it(`agree with a list through any changes (seed ${seed})`, () => {
    const below = randomFrom(seed);
    const wrong: string[] = [];
    for (const room of [3, 65_536]) {
      const kernel = new Kernel(room);
      const prefixes = new CidPrefixes(kernel);
      const model = new Map<number, number>();
      for (let step = 0; step < 3000; step++) {
        const place = 1 + below(12);
        const prefix = below(9);
        prefixes.change(place, prefix);
        model.set(place, prefix);
        const wanted = new Set([...model.values()].filter((one) => one !== 0));
        const isRight =
          prefixes.listed === Math.min(wanted.size, room) &&
          kernel.listed.size === prefixes.listed &&
          [...kernel.listed].every((one) => wanted.has(one));
        if (!isRight) wrong.push(`room ${room}, step ${step}`);
      }
    }
    expect(wrong).toEqual([]);
  });
});
