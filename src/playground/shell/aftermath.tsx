// The strip over a boot: which moment it came from, and the way back there.

import { formatCount } from '../model/describe.ts';
import { toBefore } from '../panels/plug/state.ts';
import { aftermath, scene } from '../state.ts';
import { Icon } from './icons.tsx';
import { isShown, showPanel } from './view.ts';

const CRASHES = { power: 'power cut', os: 'kernel crash', process: 'killed process' } as const;

export function Aftermath() {
  const shown = aftermath.value;
  if (shown === undefined) return null;
  return (
    <section class="aftermath" aria-label="After the crash">
      <p>
        <Icon name="plug" />
        <span>
          <strong>After the {CRASHES[shown.request.crash]}</strong> at step {formatCount(shown.before.step)}{' '}
          of {shown.request.after === 0 ? `“${scene.value.title}”` : 'what came after the one before'}
        </span>
      </p>
      <div class="aftermath-buttons">
        {!isShown('plug') && (
          <button type="button" onClick={() => showPanel('plug')}>
            What survived
          </button>
        )}
        <button type="button" onClick={toBefore}>
          Back to before the cut
        </button>
      </div>
    </section>
  );
}
