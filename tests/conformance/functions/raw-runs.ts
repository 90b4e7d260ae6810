/** Recorded runs that are more than one call. Web-standard only. */
import { RatatoskrCodec } from '@andvari/host-common/ratatoskr/codec';
import { runScenario } from '../../simulation/run.ts';
import { scenarioOf } from '../../simulation/scenario.ts';
import { bytesOf, type Fields, hexOfNumber, hexOfText } from '../case.ts';
import { type Functions, output, wordOf } from './functions.ts';
import { digestOf } from './raw-raida.ts';

type Sha256 = (bytes: Uint8Array) => Uint8Array;

export function rawRuns(module: WebAssembly.Module, sha256: Sha256): Functions {
  return {
    'transfer.simulation': (f) => simulation(module, f, sha256),
    'ratatoskr.session': (f) => output(session(module, f, sha256)),
  };
}

/** A digest of the run's outcome, with the hash over every packet and when it went. */
function simulation(module: WebAssembly.Module, f: Fields, sha256: Sha256) {
  const { failure, ...outcome } = runScenario(module, scenarioOf(f.number('seed')));
  if (failure) throw new Error(failure);
  const numbers = Object.entries(outcome).map(([name, value]) => `${name} ${value}\n`);
  return output(sha256(bytesOf(hexOfText(numbers.join('')))));
}

/**
 * What a server says of messages that come one after the other, with one memory of nonces: a digest
 * of every verdict, of what is to be signed, and of each message as it would write it.
 */
function session(module: WebAssembly.Module, f: Fields, sha256: Sha256): Uint8Array {
  const codec = RatatoskrCodec.create({ module, replayEntries: 64 });
  const now = f.number('now');
  const said = f.list('messages').flatMap((message) => {
    const opened = codec.openRequest(message, now);
    if (!opened.ok) return [hexOfText(wordOf(opened.reason))];
    const seen = codec.recordReplay(opened.request, opened.digest, now);
    return [
      hexOfText(wordOf(seen)),
      ...[opened.digest, codec.encodeRequest(opened.request)].map(
        (bytes) =>
          hexOfNumber(bytes.length, 4) +
          bytes.reduce((hex, byte) => hex + hexOfNumber(byte, 1), ''),
      ),
    ];
  });
  return digestOf(bytesOf(said.join('')), sha256);
}
