import { everyByteArrives } from './every-byte.ts';

everyByteArrives(1);
