/** Options that `andvari conformance` and `andvari conformance state` share. */
import { InvalidArgumentError, Option } from 'commander';

export function wireOption(): Option {
  return new Option('--wire <wire>', 'which of the two 32-byte wires')
    .choices(['spec', 'legacy'])
    .default('spec');
}

export function parseRaida(text: string): number {
  const number = Number(text);
  if (/^\d{1,2}$/.test(text) && number <= 24) return number;
  throw new InvalidArgumentError('wanted the number of a server, 0 to 24.');
}
