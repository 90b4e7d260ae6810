/** The whole model: a command by its name, and the reply that is due. */
import type { CommandName } from '../engine/commands.ts';
import { AUTH_HANDLERS } from './model-auth.ts';
import type { Handler, ModelCall, ModelReply } from './model-call.ts';
import { CHANGE_HANDLERS } from './model-change.ts';
import { LOCKER_HANDLERS } from './model-lockers.ts';
import type { ModelState } from './model-state.ts';

const HANDLERS = { ...AUTH_HANDLERS, ...LOCKER_HANDLERS, ...CHANGE_HANDLERS };

/** Commands that the model knows: those that change coins, or tell of them. */
export type ModelCommand = keyof typeof HANDLERS & CommandName;

export function answerOf(state: ModelState, command: ModelCommand, call: ModelCall): ModelReply {
  const handler: Handler = HANDLERS[command];
  return handler(state, call);
}
