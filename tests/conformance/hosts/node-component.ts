// The component in Node, through the binding that jco makes.
import * as component from '@andvari/host-common/component';
import { componentFunctions } from '../functions/component.ts';
import { runCases } from '../functions/functions.ts';
import { answerLines } from './lines.ts';

await answerLines((cases) => runCases(componentFunctions(component), cases));
