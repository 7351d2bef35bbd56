// The buttons and keys, as commands.
//
// Space plays and pauses, the right arrow steps, the left arrow goes one step back, R restarts. A key is left to the
// control that has the focus where that control uses it itself.

import { byId, setText } from './dom.ts';
import type { Command, Progress } from './protocol.ts';

type Action = 'play' | 'step' | 'back' | 'restart';

const KEYS: ReadonlyMap<string, Action> = new Map([
  [' ', 'play'],
  ['ArrowRight', 'step'],
  ['ArrowLeft', 'back'],
  ['r', 'restart'],
]);

export class Controls {
  readonly #post: (command: Command) => void;
  readonly #buttons: Readonly<Record<Action, HTMLButtonElement>>;
  readonly #speed = byId('speed') as HTMLSelectElement;
  #progress: Progress | undefined;

  constructor(post: (command: Command) => void) {
    this.#post = post;
    this.#buttons = {
      play: byId('play') as HTMLButtonElement,
      step: byId('step') as HTMLButtonElement,
      back: byId('back') as HTMLButtonElement,
      restart: byId('restart') as HTMLButtonElement,
    };
    for (const [action, button] of Object.entries(this.#buttons)) {
      button.addEventListener('click', () => this.#run(action as Action));
    }
    this.#speed.addEventListener('change', () => this.sendSpeed());
    document.addEventListener('keydown', (event) => this.#key(event));
  }

  /** Tells the worker the chosen pace; a browser may keep the choice over a reload. */
  sendSpeed(): void {
    this.#post({ type: 'speed', stepsPerSecond: Number(this.#speed.value) });
  }

  show(progress: Progress): void {
    this.#progress = progress;
    const { play, step, back, restart } = this.#buttons;
    const isPlaying = progress.state === 'playing';
    const isFinished = progress.state === 'finished';
    setText(play, isPlaying ? 'Pause' : isFinished ? 'Play again' : 'Play');
    play.disabled = false;
    step.disabled = isFinished;
    back.disabled = progress.step === 0;
    restart.disabled = progress.state === 'ready';
  }

  #run(action: Action): void {
    const progress = this.#progress;
    if (progress === undefined || this.#buttons[action].disabled) return;
    switch (action) {
      case 'play':
        if (progress.state === 'finished') this.#post({ type: 'load' });
        this.#post({ type: progress.state === 'playing' ? 'pause' : 'play' });
        break;
      case 'step':
        this.#post({ type: 'step' });
        break;
      case 'back':
        this.#post({ type: 'seek', step: progress.step - 1 });
        break;
      case 'restart':
        this.#post({ type: 'load' });
    }
  }

  #key(event: KeyboardEvent): void {
    const action = KEYS.get(event.key.length === 1 ? event.key.toLowerCase() : event.key);
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.target as Element;
    if (target.closest('select') !== null) return;
    if (event.key === ' ' && target.closest('button, summary') !== null) return;
    event.preventDefault();
    this.#run(action);
  }
}
