import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { runEndpointCases } from './endpoint-cases.ts';

runEndpointCases(nodeX25519);
