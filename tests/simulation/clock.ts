/** Virtual time: actions in the order of their times, and of their making where times are equal. */

interface Action {
  timeUs: number;
  order: number;
  run: () => void;
}

export class VirtualClock {
  nowUs: number;
  private readonly heap: Action[] = [];
  private made = 0;

  constructor(startUs: number) {
    this.nowUs = startUs;
  }

  /** Runs an action at a time; one that has passed is now. */
  at(timeUs: number, run: () => void): void {
    const { heap } = this;
    const action = { timeUs: Math.max(timeUs, this.nowUs), order: this.made++, run };
    let place = heap.length;
    heap.push(action);
    while (place > 0) {
      const above = (place - 1) >> 1;
      if (!before(action, heap[above] as Action)) break;
      heap[place] = heap[above] as Action;
      place = above;
    }
    heap[place] = action;
  }

  /** When the next action is due; Infinity: there is none. */
  nextUs(): number {
    return this.heap[0]?.timeUs ?? Number.POSITIVE_INFINITY;
  }

  /** Goes on to the next action and runs it; false: there is none. */
  step(): boolean {
    const { heap } = this;
    const first = heap[0];
    const last = heap.pop();
    if (!first || !last) return false;
    if (heap.length > 0) this.sink(last);
    this.nowUs = first.timeUs;
    first.run();
    return true;
  }

  private sink(action: Action): void {
    const { heap } = this;
    let place = 0;
    for (;;) {
      let below = 2 * place + 1;
      if (below >= heap.length) break;
      if (below + 1 < heap.length && before(heap[below + 1] as Action, heap[below] as Action)) {
        below++;
      }
      if (!before(heap[below] as Action, action)) break;
      heap[place] = heap[below] as Action;
      place = below;
    }
    heap[place] = action;
  }
}

function before(a: Action, b: Action): boolean {
  return a.timeUs < b.timeUs || (a.timeUs === b.timeUs && a.order < b.order);
}
