import { describeWorkers } from './worker-cases.ts';

describeWorkers('portable', 3);
