/** The same cases as tests/ratatoskr/codec.test.ts, in a browser: equal verdicts on every host. */
import { runCodecCases } from '../ratatoskr/codec-cases.ts';

runCodecCases();
