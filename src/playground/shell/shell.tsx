// The frame of the page: where each part stands, on a wide screen and on a phone.

import { Charts } from '../panels/charts.tsx';
import { Disk } from '../panels/disk.tsx';
import { Drop } from '../panels/drop.tsx';
import { Editor } from '../panels/editor.tsx';
import { Explore } from '../panels/explore.tsx';
import { Inspector } from '../panels/inspector.tsx';
import { Knobs } from '../panels/knobs.tsx';
import { Linux } from '../panels/linux.tsx';
import { Plug } from '../panels/plug.tsx';
import { Records } from '../panels/records.tsx';
import { Share } from '../panels/share.tsx';
import { Stage } from '../stage/stage.tsx';
import { cursor, isPlaying, problem, run, runVersion, scene } from '../state.ts';
import { Captions } from './captions.tsx';
import { Gallery } from './gallery.tsx';
import { Timeline } from './timeline.tsx';

/** ready: nothing shown yet; finished: the cursor is at the end of a run that is known to its end. */
function stateOfPage(): string {
  runVersion.value;
  const shown = run.value;
  if (problem.value !== undefined) return 'failed';
  if (shown === undefined) return 'loading';
  if (isPlaying.value) return 'playing';
  if (shown.isWhole && cursor.value === shown.stepCount) return 'finished';
  return cursor.value === 0 ? 'ready' : 'paused';
}

export function Shell() {
  return (
    <main
      data-state={stateOfPage()}
      data-scene={scene.value.id}
      data-step={cursor.value}
      data-step-count={run.value?.stepCount ?? 0}
    >
      {problem.value !== undefined && <p role="alert">{problem.value}</p>}
      <Gallery />
      <Knobs />
      <Editor />
      <Captions />
      <Stage />
      <Timeline />
      <Charts />
      <Inspector />
      <Records />
      <Plug />
      <Explore />
      <Share />
      <Drop />
      <Disk />
      <Linux />
    </main>
  );
}
