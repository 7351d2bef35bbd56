// What a reader would lose by leaving a live machine, and the question before it.
//
// Verbs: mayLeave, warnOnClosing; stake, question. Whoever opens something else asks; a machine with nothing to lose is left at once.
// Invariant: there is one question at a time: a later one is asked in place of the one before, which then means to stay.

import { signal } from '@preact/signals';

/** What another scene in the lanes takes away for good. */
export interface Stake {
  readonly title: string;
  readonly loss: string;
  /** What the two buttons say. */
  readonly stay: string;
  readonly leave: string;
}

export interface Question {
  readonly stake: Stake;
  readonly answer: (isLeft: boolean) => void;
}

/** Written by the live machine that has something to lose. */
export const stake = signal<Stake | undefined>(undefined);
export const question = signal<Question | undefined>(undefined);

/** Asks the reader, if anything is at stake. */
export function mayLeave(): Promise<boolean> {
  question.peek()?.answer(false);
  const lost = stake.peek();
  if (lost === undefined) return Promise.resolve(true);
  return new Promise((resolve) => {
    const asked: Question = {
      stake: lost,
      answer(isLeft) {
        if (question.peek() === asked) question.value = undefined;
        resolve(isLeft);
      },
    };
    question.value = asked;
  });
}

function warn(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/** Has the browser ask before this tab is closed or reloaded; not for longer than needed, since such a page can not be kept for Back. */
export function warnOnClosing(isWarning: boolean): void {
  if (isWarning) window.addEventListener('beforeunload', warn);
  else window.removeEventListener('beforeunload', warn);
}
