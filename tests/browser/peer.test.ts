/** The cases of tests/peer/ that every host runs, in a browser: equal verdicts everywhere. */
import { runPeerCodecCases } from '../peer/codec-cases.ts';

runPeerCodecCases();
