import { describe, expect, it } from 'vitest';
import { type HandshakeBounds, HandshakeLimit } from './handshake-limit.ts';

/** A socket with a name. */
class Named {
  readonly name: string;
  bytesRead = 0;
  bytesWritten = 0;

  constructor(name: string) {
    this.name = name;
  }

  speak(): void {
    this.bytesRead = 1;
  }

  answer(): void {
    this.speak();
    this.bytesWritten = 1;
  }
}

/** Adds sockets by their names, one each millisecond. */
function limitOf(options: Partial<HandshakeBounds>) {
  const limit = new HandshakeLimit<Named>(options);
  const sockets = new Map<string, Named>();
  let nowMs = 0;
  const add = (name: string, address = '192.0.2.1') => {
    const socket = new Named(name);
    sockets.set(name, socket);
    return limit.add(socket, address, nowMs++)?.name;
  };
  const of = (name: string) => sockets.get(name) as Named;
  const pass = (ms: number) => {
    nowMs += ms;
  };
  return { limit, add, of, pass };
}

const LOCAL = '127.0.0.1';

describe('the limit of handshakes', () => {
  it('has room for so many, and cuts nobody before', () => {
    const { limit, add } = limitOf({ max: 8, perAddressMax: 4 });
    const names = ['a', 'b', 'c', 'd'];
    for (const name of names) expect(add(name)).toBeUndefined();
    for (const name of names) expect(add(`${name}2`, '192.0.2.2')).toBeUndefined();
    expect(limit.size).toBe(8);
  });

  it.each([
    ['one IPv4 address', '192.0.2.1', '::ffff:192.0.2.1', '192.0.2.2'],
    ['one IPv6 /64', '2001:db8::1', '2001:db8::2', '2001:db8:0:1::1'],
  ])('is so many of %s, of which the oldest goes', (_, one, same, other) => {
    const { limit, add } = limitOf({ perAddressMax: 2 });
    add('other', other);
    add('a', one);
    add('b', same);
    expect(add('c', one)).toBe('a');
    expect(add('d', same)).toBe('b');
    expect(limit.size).toBe(3);
  });

  it('of all is of the address that has most, though another one is older', () => {
    const { limit, add } = limitOf({ max: 6 });
    add('device', '192.0.2.7');
    for (const name of ['a', 'b', 'c', 'd', 'e']) add(name, LOCAL);
    expect(add('f', '192.0.2.8')).toBe('a');
    for (const name of ['b', 'c', 'd']) expect(add(`after ${name}`, LOCAL)).toBe(name);
    expect(limit.size).toBe(6);
  });

  it('of all is of the oldest where each address has one', () => {
    const { add } = limitOf({ max: 2 });
    add('a', '192.0.2.1');
    add('b', '192.0.2.2');
    expect(add('c', '192.0.2.3')).toBe('a');
    expect(add('d', '192.0.2.4')).toBe('b');
  });

  it('has room again for what has ended, or has become a WebSocket', () => {
    const { limit, add, of } = limitOf({ perAddressMax: 2 });
    add('a');
    add('b');
    limit.delete(of('a'));
    limit.delete(of('a'));
    expect(add('c')).toBeUndefined();
    expect(add('d')).toBe('b');
    for (const name of ['b', 'c', 'd']) limit.delete(of(name));
    expect(limit.size).toBe(0);
  });

  it('takes who is silent before who speaks, and who speaks before who is answered', () => {
    const { add, of } = limitOf({ perAddressMax: 8 });
    for (const name of ['answered', 'spoken', 'a', 'b', 'c', 'd', 'e', 'f']) add(name);
    of('answered').answer();
    of('spoken').speak();
    // Two silent ones stay: they may be about to speak.
    expect(['g', 'h', 'i', 'j'].map((name) => add(name))).toEqual(['a', 'b', 'c', 'd']);
    for (const name of ['e', 'f', 'g', 'h', 'i', 'j']) of(name).speak();
    expect(add('k')).toBe('spoken');
    for (const name of ['e', 'f', 'g', 'h', 'i', 'j']) of(name).answer();
    of('k').answer();
    expect(add('l')).toBe('answered');
  });

  it('takes first of all who has had his time, whatever he has done', () => {
    const { add, of, pass } = limitOf({ perAddressMax: 4, graceMs: 1000 });
    add('old');
    of('old').answer();
    pass(1000);
    for (const name of ['a', 'b', 'c']) add(name);
    expect(add('d')).toBe('old');
    expect(add('e')).toBe('a');
  });

  it('lets a device through that speaks at once, however fast silent ones come', () => {
    const { add, of } = limitOf({ perAddressMax: 64 });
    for (let i = 0; i < 64; i++) add(`before ${i}`);
    add('device');
    const cut: (string | undefined)[] = [];
    // One socket is accepted in each turn of the event loop; a device is read a few turns later.
    for (let i = 0; i < 15; i++) cut.push(add(`meanwhile ${i}`));
    of('device').speak();
    for (let i = 0; i < 500; i++) cut.push(add(`after ${i}`));
    of('device').answer();
    for (let i = 0; i < 400; i++) cut.push(add(`still ${i}`));
    expect(cut).not.toContain('device');
    expect(new Set(cut).size).toBe(915);
  });

  it('does not let those who half speak keep out a device', () => {
    const { add, of } = limitOf({ perAddressMax: 64 });
    for (let i = 0; i < 64; i++) {
      add(`half ${i}`);
      of(`half ${i}`).answer();
    }
    add('device');
    for (let i = 0; i < 15; i++) {
      expect(add(`more ${i}`)).not.toBe('device');
      of(`more ${i}`).answer();
    }
  });
});
