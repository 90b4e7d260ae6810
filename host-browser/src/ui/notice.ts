/** One sentence that stays until the next one or until it is closed. */
export interface Notice {
  readonly tone: 'good' | 'plain' | 'bad';
  readonly text: string;
}
