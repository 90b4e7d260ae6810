import { plainEngine } from '@andvari/host-common/engine/module';
import { runFileHashCases } from './file-hash-cases.ts';

runFileHashCases(plainEngine());
