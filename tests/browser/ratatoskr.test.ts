/** The cases of tests/ratatoskr/ that every host runs, in a browser: equal verdicts everywhere. */
import { runCodecCases } from '../ratatoskr/codec-cases.ts';
import { webProviders } from '../ratatoskr/providers.ts';
import { runValidatorCases } from '../ratatoskr/validator-cases.ts';

runCodecCases();
runValidatorCases(webProviders);
