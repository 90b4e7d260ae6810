// The engine in Node with the AES of its processor, which native-io gives it, for texts of any
// length. It has the functions that come to it, and no others: those are node-direct's.
import { plainEngine } from '@andvari/host-common/engine/module';
import { nativeCtrOf } from '@andvari/host-node/raida/native-ctr';
import { cryptAddon } from '../../engine/crypt-addon.ts';
import { runCases } from '../functions/functions.ts';
import { rawFunctions } from '../functions/raw.ts';
import { answerLines, notSupported } from './lines.ts';

const addon = cryptAddon() ?? notSupported('no native addon here');
const nativeCtr = nativeCtrOf(addon) ?? notSupported('a processor without AES instructions');
const functions = rawFunctions(await plainEngine(), { nativeCtr: { ...nativeCtr, least: 0 } });
const encrypting = ['cipher.ctr', 'raida-server.exchange', 'raida-server.session'];
const own = Object.entries(functions).filter(([name]) => encrypting.includes(name));
await answerLines((cases) => runCases(Object.fromEntries(own), cases));
