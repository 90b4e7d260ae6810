import { nobleX25519 } from '@andvari/host-common/transfer/x25519';
import { nodeX25519 } from '@andvari/host-node/transfer/node-x25519';
import { runHandshakeVectors } from './handshake-cases.ts';
import { runProfileCases } from './handshake-profile.ts';

runHandshakeVectors([nobleX25519, nodeX25519]);
runProfileCases([nobleX25519, nodeX25519]);
