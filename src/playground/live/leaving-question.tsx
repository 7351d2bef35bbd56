// The question before a live machine is left: a dialog over the page. Escape stays, and the focus goes back to where it came from.

import { useLayoutEffect, useRef } from 'preact/hooks';
import { type Question, question } from './leaving.ts';

const LEAVE = 'leave';

export function LeavingQuestion() {
  const asked = question.value;
  return asked === undefined ? null : <Asked key={asked.stake.title} asked={asked} />;
}

function Asked({ asked: { stake, answer } }: { asked: Question }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    return () => opened?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      class="question"
      data-own-keys
      aria-labelledby="question-title"
      aria-describedby="question-loss"
      onClose={(event) => answer(event.currentTarget.returnValue === LEAVE)}
    >
      <form method="dialog">
        <h2 id="question-title">{stake.title}</h2>
        <p id="question-loss">{stake.loss}</p>
        <div class="question-answers">
          <button type="submit" value="stay" class="primary" autofocus>
            {stake.stay}
          </button>
          <button type="submit" value={LEAVE} class="danger">
            {stake.leave}
          </button>
        </div>
      </form>
    </dialog>
  );
}
