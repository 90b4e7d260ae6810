import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { NetworkError, parseNetwork } from './network.ts';

const server = (raidaId: number) => ({ raidaId, url: `ws://127.0.0.1:${9100 + raidaId}/raida` });
const good = () => ({
  wire: 'spec',
  coinId: 6,
  servers: Array.from({ length: 25 }, (_, raidaId) => server(raidaId)),
});

function problem(input: unknown): string {
  try {
    parseNetwork(input);
  } catch (error) {
    expect(error).toBeInstanceOf(NetworkError);
    return (error as NetworkError).message;
  }
  throw new Error('was accepted');
}

describe('network description', () => {
  test('text and value are read alike', () => {
    expect(parseNetwork(good())).toEqual(good());
    expect(parseNetwork(JSON.stringify(good()))).toEqual(good());
  });

  test('udp and wss addresses, one server, keys of later versions', () => {
    const servers = [
      { raidaId: 3, url: 'udp://raida.example:50003', note: 'x' },
      { raidaId: 4, url: 'wss://raida.example/raida' },
    ];
    const network = parseNetwork({ ...good(), wire: 'legacy', servers, later: true });
    expect(network.servers).toHaveLength(2);
    expect(network).not.toHaveProperty('later');
  });

  test.each([
    ['{', 'text: wanted JSON'],
    [null, 'document: wanted an object, got null'],
    [[], 'document: wanted an object, got []'],
    [{ ...good(), wire: 'modern' }, 'wire: wanted "spec" or "legacy", got "modern"'],
    [{ ...good(), coinId: 65536 }, 'coinId: wanted a whole number from 0 to 65535, got 65536'],
    [{ wire: 'spec', servers: [] }, 'coinId: wanted a whole number from 0 to 65535, got nothing'],
    [{ ...good(), servers: [] }, 'servers: wanted a list of 1 to 25 servers, got 0'],
    [{ ...good(), servers: {} }, 'servers: wanted a list of 1 to 25 servers, got {}'],
    [{ ...good(), servers: [...good().servers, server(0)] }, 'got 26'],
    [{ ...good(), servers: [7] }, 'servers[0]: wanted an object, got 7'],
    [{ ...good(), servers: [server(25)] }, 'servers[0].raidaId: wanted a whole number'],
    [{ ...good(), servers: [server(1), server(1)] }, 'servers[1].raidaId: wanted each id once'],
    [{ ...good(), servers: [{ raidaId: 0 }] }, 'servers[0].url: wanted a ws://'],
    [{ ...good(), servers: [{ raidaId: 0, url: 'http://x/' }] }, 'got "http://x/"'],
    [{ ...good(), servers: [{ raidaId: 0, url: 'udp://host' }] }, 'got "udp://host"'],
  ])('refused: %j', (input, message) => {
    expect(problem(input)).toContain(message);
  });

  test('anything else is refused in the same way', () => {
    fc.assert(
      fc.property(fc.anything(), (input) => {
        expect(() => parseNetwork(input)).toThrow(NetworkError);
      }),
    );
  });
});
