import { runCodecCases } from './codec-cases.ts';

runCodecCases();
