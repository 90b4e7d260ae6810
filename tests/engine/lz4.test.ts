import { plainEngine } from '@andvari/host-common/engine/module';
import { seedOfRun } from '../seeded-random.ts';
import { runLz4Cases } from './lz4-cases.ts';
import { Primitives } from './primitives.ts';

runLz4Cases(
  plainEngine().then((module) => new Primitives(module)),
  seedOfRun(),
);
