// The patterns that say how far a thing has come: stripes for what is on its way, a hatch for what can still be lost.
//
// They lean to the left for reads and to the right for what changes the drive, so that the two stay apart without colour as well.

import type { Hue } from '../model/types.ts';

const HUES: readonly Hue[] = ['read', 'write', 'flush', 'discard'];

export function Patterns() {
  return (
    <defs>
      {HUES.map((hue) => (
        <pattern
          key={`stripes-${hue}`}
          id={`stripes-${hue}`}
          class={`hue-${hue}`}
          width="8"
          height="8"
          patternUnits="userSpaceOnUse"
          patternTransform={`rotate(${hue === 'read' ? -45 : 45})`}
        >
          <rect class="pattern-ground" width="8" height="8" />
          <rect class="pattern-stripe" x="-8" width="4" height="8" />
          <rect class="pattern-stripe" width="4" height="8" />
        </pattern>
      ))}
      {HUES.map((hue) => (
        <pattern
          key={`hatch-${hue}`}
          id={`hatch-${hue}`}
          class={`hue-${hue}`}
          width="4"
          height="4"
          patternUnits="userSpaceOnUse"
          patternTransform="rotate(45)"
        >
          <rect class="pattern-panel" width="4" height="4" />
          <path class="pattern-line" d="M0 0V4M0 0H4" />
        </pattern>
      ))}
    </defs>
  );
}
