import type { Ed25519Provider } from '@andvari/host-common/ratatoskr/signing';
import { NodeEd25519Signer, NodeEd25519Verifier } from '@andvari/host-node/ratatoskr/node-ed25519';
import { webProviders } from './providers.ts';
import { runValidatorCases } from './validator-cases.ts';

const verifier = new NodeEd25519Verifier();
const nodeEd25519: Ed25519Provider = {
  name: 'node:crypto',
  verify: (publicKey, message, signature) => verifier.verify(publicKey, message, signature),
  signer: (seed) => Promise.resolve(new NodeEd25519Signer(seed)),
};

runValidatorCases(async () => [nodeEd25519, ...(await webProviders())]);
