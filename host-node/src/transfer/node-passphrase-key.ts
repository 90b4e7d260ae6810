/** Argon2id by OpenSSL where Node has it (24.7), else by noble, which takes seconds. */
import * as crypto from 'node:crypto';
import { promisify } from 'node:util';
import {
  ARGON2,
  noblePassphraseKey,
  type PassphraseKey,
} from '@andvari/host-common/transfer/identity-file';

export const nodePassphraseKey: PassphraseKey =
  // Node 22 has no such function, whatever its types say.
  typeof crypto.argon2 === 'function'
    ? async (message, nonce) => {
        const key = await promisify(crypto.argon2)('argon2id', {
          message,
          nonce,
          memory: ARGON2.memoryKiB,
          passes: ARGON2.passes,
          parallelism: ARGON2.lanes,
          tagLength: ARGON2.keyBytes,
        });
        return Uint8Array.from(key);
      }
    : noblePassphraseKey;
