import { runHostCases } from './host-cases.ts';

runHostCases();
