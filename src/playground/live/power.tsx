// The plug of a live machine: what becomes of the writes that no flush covers, and the button.

import type { PlugChoice, PlugTold } from '../worker/live-protocol.ts';

const CHOICES: readonly { readonly choose: PlugChoice['choose']; readonly text: string }[] = [
  { choose: 'none', text: 'All lost' },
  { choose: 'random', text: 'Some, at random' },
  { choose: 'all', text: 'All kept' },
];

interface PowerProps {
  readonly choice: PlugChoice;
  readonly onChoice: (choice: PlugChoice) => void;
  readonly isDisabled: boolean;
  readonly onPlug: () => void;
}

export function Power({ choice, onChoice, isDisabled, onPlug }: PowerProps) {
  return (
    <div class="power">
      <fieldset class="segments">
        <legend class="hint">Writes that no flush covers</legend>
        {CHOICES.map(({ choose, text }) => (
          <button
            key={choose}
            type="button"
            aria-pressed={choice.choose === choose}
            onClick={() => onChoice({ choose, seed: choose === 'random' ? choice.seed + 1 : choice.seed })}
          >
            {text}
          </button>
        ))}
      </fieldset>
      <button type="button" class="danger" disabled={isDisabled} onClick={onPlug}>
        Pull the plug
      </button>
    </div>
  );
}

/** What a cut took, as a sentence. */
export function tellCut({ uncertain, kept, lost, dirtyPages }: PlugTold): string {
  const pages =
    dirtyPages === 0
      ? ''
      : ` ${dirtyPages} dirty ${dirtyPages === 1 ? 'page was' : 'pages were'} in memory and gone.`;
  if (uncertain === 0) return `The power went. A flush covered every write that the drive had.${pages}`;
  const writes = uncertain === 1 ? 'One write' : `${uncertain} writes`;
  return `The power went. ${writes} had no flush behind: ${kept} reached the media, ${lost} did not.${pages}`;
}
