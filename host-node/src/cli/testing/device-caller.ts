/** A device that `andvari ratatoskr keygen` has made, and the words of its calls. */
import { writeFileSync } from 'node:fs';
import type { RatatoskrPlace } from '../../ratatoskr/testing/ratatoskr-place.ts';
import type { TestFolder } from '../../testing/folder.ts';
import { runCli } from './cli-network.ts';

/**
 * Writes `device.key` and `request.json` ({"n":1}) there, and has the server know the device.
 * @returns `andvari ratatoskr call` of this request to a URL, by this device
 */
export async function callerOf(place: RatatoskrPlace, folder: TestFolder) {
  const { out } = await runCli(['ratatoskr', 'keygen', folder.at('device.key')]);
  const publicKey = Uint8Array.from(Buffer.from(out.trim(), 'hex'));
  place.registry.register({ deviceId: 'laptop', publicKey, userIds: ['ann'] });
  writeFileSync(folder.at('request.json'), '{"n":1}');
  return (url: string, ...more: string[]) => [
    ...['ratatoskr', 'call', url, folder.at('request.json')],
    ...['--key', folder.at('device.key'), '--device', 'laptop', '--user', 'ann'],
    ...more,
  ];
}
