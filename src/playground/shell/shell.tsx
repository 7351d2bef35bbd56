// The frame of the page: where each part stands, on a wide screen and on a phone.
//
// wide     the bar at the top; columns for scenes and for details; captions over lanes between them; time below, with a dock that opens
// medium   one column, of scenes or of details
// phone    captions, lanes, time, and a small bar that opens everything else as sheets; on its side, captions beside the lanes

import { LeavingQuestion } from '../live/leaving-question.tsx';
import { Drop } from '../panels/drop.tsx';
import { TraceBar } from '../panels/trace-bar.tsx';
import { Stage } from '../stage/stage.tsx';
import { cursor, pageState, problem, recordHash, run, runVersion, scene } from '../state.ts';
import { Aftermath } from './aftermath.tsx';
import { Captions } from './captions.tsx';
import { Icon } from './icons.tsx';
import { PanelBody } from './panel-body.tsx';
import { Peek } from './peek.tsx';
import { Problem } from './problem.tsx';
import { Sheet } from './sheet.tsx';
import { Tabs } from './tabs.tsx';
import { Timeline } from './timeline.tsx';
import { TopBar } from './top-bar.tsx';
import {
  dock,
  isDrawerOpen,
  isSheetBelow,
  layout,
  leftTab,
  PANELS,
  type PanelName,
  panelsOf,
  rightTab,
  shape,
  sheet,
  showPanel,
} from './view.ts';

/** The drawer of a medium screen takes the place of the left column: never that of the lanes, of which it tells. */
function hasLeftColumn(): boolean {
  return layout.value === 'wide' || (layout.value === 'medium' && !isDrawerOpen.value);
}

function hasRightColumn(): boolean {
  return layout.value === 'wide' || (layout.value === 'medium' && isDrawerOpen.value);
}

const PHONE_BAR: readonly PanelName[] = ['scenes', 'knobs', 'inspector', 'plug', 'more'];

export function Shell() {
  return (
    <div class="page" data-layout={layout.value} data-shape={shape.value} data-below={isSheetBelow.value}>
      <TopBar />
      {hasLeftColumn() && (
        <aside class="column left-column" aria-label="Scenes and settings">
          <Tabs label="Scenes and settings" names={panelsOf('left')} chosen={leftTab} />
        </aside>
      )}
      <Middle />
      {hasRightColumn() && (
        <aside class="column right-column" aria-label="Details">
          <Tabs label="Details" names={panelsOf('right')} chosen={rightTab} />
        </aside>
      )}
      <section class="time" aria-label="Time">
        <Timeline />
      </section>
      {layout.value !== 'phone' && dock.value !== undefined && (
        <section class={`dock ${dock.value}-dock`} aria-label={PANELS[dock.value].title}>
          <PanelBody key={dock.value} name={dock.value} />
        </section>
      )}
      {layout.value === 'phone' && !isSheetBelow.value && <PhoneBar />}
      <Sheet />
      <LeavingQuestion />
      <Drop />
    </div>
  );
}

function Middle() {
  runVersion.value;
  return (
    <main
      data-state={pageState.value}
      data-scene={scene.value.id}
      data-step={cursor.value}
      data-step-count={run.value?.stepCount ?? 0}
      data-record-hash={recordHash.value}
    >
      {problem.value !== undefined && <Problem text={problem.value} />}
      <Aftermath />
      <TraceBar />
      <Captions />
      <div class="lanes">
        <Stage />
      </div>
      <Peek />
    </main>
  );
}

function PhoneBar() {
  return (
    <nav class="phone-bar" aria-label="Panels">
      {PHONE_BAR.map((name) => (
        <button
          key={name}
          type="button"
          class="quiet"
          aria-haspopup="dialog"
          aria-expanded={sheet.value === name}
          onClick={() => showPanel(name)}
        >
          <Icon name={PANELS[name].icon} />
          {name === 'plug' ? 'Plug' : PANELS[name].title}
        </button>
      ))}
    </nav>
  );
}
