/** The cases that every host runs, in Node; tests/browser/gate.test.ts runs them in Chromium. */
import { runPeerGateCases } from './gate-cases.ts';

runPeerGateCases();
