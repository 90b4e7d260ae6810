/** The cases that every host runs, in Node; tests/browser/peer.test.ts runs them in Chromium. */
import { runPeerCodecCases } from './codec-cases.ts';

runPeerCodecCases();
