/** The cases of the gate of peers that every host runs, in a browser: equal verdicts everywhere. */
import { runPeerGateCases } from '../peer/gate-cases.ts';

runPeerGateCases();
