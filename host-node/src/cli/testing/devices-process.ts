// A process that changes a devices file some times: verb, file, device, key.
import { changeDevices } from '../../ratatoskr/device-file.ts';

const [verb, file, device, key] = process.argv.slice(2) as [string, string, string, string];
const publicKey = Uint8Array.from(Buffer.from(key, 'hex'));
for (let i = 0; i < 5; i++) {
  changeDevices(file, (registry) => {
    if (verb === 'revoke') registry.revoke(device);
    else registry.register({ deviceId: device, publicKey, userIds: [`user-${i}`] });
  });
}
