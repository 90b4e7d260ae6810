/**
 * The engine refused something that its own host asked for: a wrong size, a position that does not
 * exist.
 */
export class EngineError extends Error {
  readonly code = 'ANDVARI_ENGINE';
  readonly operation: string;
  readonly status: number;

  constructor(operation: string, status: number, name: string) {
    super(`engine ${operation}: ${name} (${status})`);
    this.name = 'EngineError';
    this.operation = operation;
    this.status = status;
  }
}
