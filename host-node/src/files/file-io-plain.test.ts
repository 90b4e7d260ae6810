import { fileIoCompliance } from './file-io.compliance.ts';
import { PlainFileIo } from './file-io.ts';

fileIoCompliance((options) => new PlainFileIo(options));
