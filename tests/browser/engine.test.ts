/** The same cases as tests/engine/vectors.test.ts, in a browser: equal bytes on every host. */
import { runHostCases } from '../engine/host-cases.ts';

runHostCases();
