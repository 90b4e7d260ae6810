/** The cases of tests/transfer/ that every host runs, in a browser. */
import { plainEngine } from '@andvari/host-common/engine/module';
import { nobleX25519 } from '@andvari/host-common/transfer/x25519';
import { runLz4Cases } from '../engine/lz4-cases.ts';
import { Primitives } from '../engine/primitives.ts';
import { runEndpointCases } from '../transfer/endpoint-cases.ts';
import { runFileHashCases } from '../transfer/files/file-hash-cases.ts';
import { runHandshakeVectors } from '../transfer/handshake-cases.ts';
import { runProfileCases } from '../transfer/handshake-profile.ts';
import { runIdentityCases } from '../transfer/identity-cases.ts';
import { runIdentityKindCases } from '../transfer/identity-kinds.ts';

runHandshakeVectors([nobleX25519]);
runIdentityCases();
runIdentityKindCases();
runProfileCases([nobleX25519]);
runEndpointCases(nobleX25519);
runFileHashCases(plainEngine());
// Of the same seed each time: what is not so is Node's to find.
runLz4Cases(
  plainEngine().then((module) => new Primitives(module)),
  1,
);
