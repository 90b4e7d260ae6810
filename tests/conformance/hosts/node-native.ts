// The engine in Node with what native-io gives it, for texts of any length: the processor's AES,
// ChaCha20-Poly1305 by OpenSSL, chunks of BLAKE3 by AVX2 or AVX-512. It has the functions that come
// to these, and no others: those are node-direct's.
import { plainEngine } from '@andvari/host-common/engine/module';
import { nativeCtrOf } from '@andvari/host-node/raida/native-ctr';
import { nativeTransferOf } from '@andvari/host-node/transfer/native-transfer';
import { loadNative } from '@andvari/native-io';
import { runCases } from '../functions/functions.ts';
import { rawFunctions } from '../functions/raw.ts';
import { answerLines, notSupported } from './lines.ts';

/** No text is given to the host. */
const NONE = 0xffffffff;
const addon = loadNative();
if ('missing' in addon) notSupported('no native addon here');
const nativeCtr = nativeCtrOf(addon) ?? notSupported('a processor without AES instructions');
const found = nativeTransferOf(addon);
const nativeTransfer = found && { ...found, chachaLeast: found.chachaLeast === NONE ? NONE : 0 };
const functions = rawFunctions(await plainEngine(), {
  nativeCtr: { ...nativeCtr, least: 0 },
  ...(nativeTransfer && { nativeTransfer }),
});
const own = new Set(['cipher.ctr', 'raida-server.exchange', 'raida-server.session']);
if (nativeTransfer && nativeTransfer.chachaLeast === 0) {
  for (const name of ['seal-packet', 'open-packet']) own.add(`transfer.${name}`);
  for (const name of ['seal', 'open']) own.add(`cipher.${name}`);
}
if (nativeTransfer?.hasBlake3) {
  for (const name of ['', '-keyed', '-derive', '-part']) own.add(`hash.blake3${name}`);
}
const table = Object.entries(functions).filter(([name]) => own.has(name));
await answerLines((cases) => runCases(Object.fromEntries(table), cases));
