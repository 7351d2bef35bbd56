// The inside of a panel, wherever it stands; it takes the focus when it was asked for by a key.

import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { WhileLive } from '../live/while-live.tsx';
import { Charts } from '../panels/charts.tsx';
import { Disk } from '../panels/disk.tsx';
import { Editor } from '../panels/editor.tsx';
import { Explore } from '../panels/explore.tsx';
import { Inspector } from '../panels/inspector.tsx';
import { Knobs } from '../panels/knobs.tsx';
import { Linux } from '../panels/linux.tsx';
import { Plug } from '../panels/plug.tsx';
import { Records } from '../panels/records.tsx';
import { Share } from '../panels/share.tsx';
import { isLive } from '../state.ts';
import { Gallery } from './gallery.tsx';
import { Help } from './help.tsx';
import { More } from './more.tsx';
import { focusWanted, PANELS, type PanelName } from './view.ts';

const BODIES: Readonly<Record<PanelName, () => ComponentChildren>> = {
  scenes: () => <Gallery />,
  knobs: () =>
    isLive.value ? (
      <WhileLive why="This machine is live: it keeps the options that it was made with. The knobs are for scenes, which can be played again." />
    ) : (
      <Knobs />
    ),
  editor: () => <Editor />,
  inspector: () => <Inspector />,
  records: () => <Records />,
  plug: () =>
    isLive.value ? (
      <WhileLive why="This machine is live: its power goes once, now, and for good. The plug is in its own panel." />
    ) : (
      <>
        <Plug />
        <Explore />
      </>
    ),
  charts: () => <Charts />,
  disk: () => <Disk />,
  linux: () => <Linux />,
  share: () => <Share />,
  help: () => <Help />,
  more: () => <More />,
};

/** What in a panel is best to begin with; else the panel itself. */
const FIRST_FOCUS = '[data-first-focus]';

export function PanelBody({ name, role }: { name: PanelName; role?: 'tabpanel' }) {
  const body = useRef<HTMLElement>(null);
  const isWanted = focusWanted.value === name;
  useLayoutEffect(() => {
    if (!isWanted) return;
    focusWanted.value = undefined;
    (body.current?.querySelector<HTMLElement>(FIRST_FOCUS) ?? body.current)?.focus();
  }, [isWanted]);
  return (
    <section
      ref={body}
      class={`panel ${name}-panel`}
      id={`panel-${name}`}
      role={role}
      aria-label={PANELS[name].title}
      // a region that scrolls must be reached by keys
      tabIndex={0}
    >
      {BODIES[name]()}
    </section>
  );
}
