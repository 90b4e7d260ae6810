import { describe, expect, it } from 'vitest';
import { AllowList } from './allow-list.ts';
import { ownHosts } from './socket-address.ts';

const list = new AllowList({
  hosts: ['127.0.0.1:9100', 'raida.example:9100'],
  origins: ['http://127.0.0.1:8080'],
});

describe('AllowList', () => {
  it.each(['127.0.0.1:9100', 'RAIDA.example:9100'])('takes the host %s', (host) => {
    expect(list.acceptsHost(host)).toBe(true);
  });

  it.each([undefined, '', '127.0.0.1', '127.0.0.1:9101', 'evil.example:9100', '127.0.0.1:9100.'])(
    'refuses the host %s',
    (host) => {
      expect(list.acceptsHost(host)).toBe(false);
    },
  );

  it.each(['10.1.2.3:9100', '10.1.2.3', '[::1]:9100', '[fe80::1]'])(
    'takes the address %s where a name service cannot matter',
    (host) => {
      expect(list.acceptsHostOrAddress(host)).toBe(true);
    },
  );

  it.each([undefined, 'evil.example', '1.2.3', '300.1.1.1', '[zz]', '127.0.0.1.evil.example'])(
    'refuses %s as an address',
    (host) => {
      expect(list.acceptsHostOrAddress(host)).toBe(false);
    },
  );

  it('compares origins whole', () => {
    expect(list.acceptsOrigin('http://127.0.0.1:8080')).toBe(true);
    for (const origin of [
      'http://127.0.0.1:80801',
      'https://127.0.0.1:8080',
      'http://127.0.0.1:8080/',
      'null',
      'none',
      '',
    ]) {
      expect(list.acceptsOrigin(origin)).toBe(false);
    }
  });

  it('lets programs without an Origin in only when told to', () => {
    expect(list.acceptsOrigin(undefined)).toBe(false);
    const open = new AllowList({ hosts: [], origins: ['none'] });
    expect(open.acceptsOrigin(undefined)).toBe(true);
    expect(open.acceptsOrigin('none')).toBe(false);
  });
});

describe('ownHosts', () => {
  it('names a loopback listener by address and by localhost', () => {
    expect(ownHosts({ host: '127.0.0.1', port: 9100 })).toEqual([
      '127.0.0.1:9100',
      'localhost:9100',
    ]);
    expect(ownHosts({ host: '::1', port: 80 })).toEqual([
      '[::1]:80',
      '[::1]',
      'localhost:80',
      'localhost',
    ]);
  });

  it('does not take localhost for a public address', () => {
    expect(ownHosts({ host: '192.0.2.7', port: 9100 })).toEqual(['192.0.2.7:9100']);
  });
});
