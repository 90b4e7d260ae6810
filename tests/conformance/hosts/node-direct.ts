// The engine called from Node. --module FILE: another module than the project's own.
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { plainEngine } from '@andvari/host-common/engine/module';
import { runCases } from '../functions/functions.ts';
import { rawFunctions } from '../functions/raw.ts';
import { answerLines } from './lines.ts';

const { values } = parseArgs({ options: { module: { type: 'string' } } });
const own = values.module;
const module = own ? await WebAssembly.compile(readFileSync(own)) : await plainEngine();
await answerLines((cases) => runCases(rawFunctions(module), cases));
