import { webProviders } from './providers.ts';
import { runValidatorCases } from './validator-cases.ts';

runValidatorCases(webProviders);
