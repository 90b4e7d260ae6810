// The component in a browser, beside the raw engine there: the same bytes and refusals.
import * as component from '@andvari/host-common/component';
import { plainEngine } from '@andvari/host-common/engine/module';
import { expect, it } from 'vitest';
import { differences } from '../component/primitives-cases.ts';
import { Primitives } from '../engine/primitives.ts';

it('hash and cipher of the component give what the raw engine gives', async () => {
  expect(differences(new Primitives(await plainEngine()), component)).toEqual([]);
});
