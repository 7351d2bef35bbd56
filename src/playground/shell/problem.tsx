// What went wrong, in words, with a way on.

import { dismissProblem } from '../actions.ts';
import { Icon } from './icons.tsx';

export function Problem({ text }: { text: string }) {
  return (
    <div class="problem" role="alert">
      <p>{text}</p>
      <button type="button" class="quiet square" aria-label="Close this message" onClick={dismissProblem}>
        <Icon name="close" />
      </button>
    </div>
  );
}
