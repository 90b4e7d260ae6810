import { join } from 'node:path';
import type { RatatoskrFiles } from '../endpoint.ts';

/** The files of an endpoint, all in one folder. */
export function filesIn(folder: string): RatatoskrFiles {
  const at = (name: string) => join(folder, name);
  return {
    ...{ devices: at('devices.json'), serverKey: at('key') },
    ...{ audit: at('audit.log'), answers: at('answers.db') },
  };
}
