// A panel that lies over the page: a sheet from the bottom on a phone, a dialog on wider screens.
//
// A modal <dialog>: the browser keeps the focus inside, closes it by Escape, and gives the focus back. What tells of the lanes stands below them
// on an upright phone instead, in the place of the bar, and is no wall: lanes and time can be used beside it.

import type { TargetedPointerEvent } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { PanelBody } from './panel-body.tsx';
import { keepInSight } from './peek.tsx';
import { closeSheet, isSheetBelow, PANELS, type PanelName, sheet } from './view.ts';

export function Sheet() {
  const name = sheet.value;
  const isBelow = isSheetBelow.value;
  return name === undefined ? null : <OpenSheet key={`${name} ${isBelow}`} name={name} isBelow={isBelow} />;
}

/** Escape closes what stands below from wherever the focus is; whoever uses the key themselves goes first. */
function closesByEscape(event: KeyboardEvent): void {
  if (event.key === 'Escape' && !event.defaultPrevented) closeSheet();
}

function OpenSheet({ name, isBelow }: { name: PanelName; isBelow: boolean }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const opened = dialog.current;
    if (isBelow) {
      // a power cut is about what is lowest: the volatile caches
      if (name === 'plug') document.querySelector('.lanes')?.scrollTo(0, Number.MAX_SAFE_INTEGER);
      else keepInSight();
      opened?.show();
      document.addEventListener('keydown', closesByEscape);
    } else opened?.showModal();
    // closed before it goes, so that the focus returns to where it came from
    return () => {
      opened?.close();
      document.removeEventListener('keydown', closesByEscape);
    };
  }, [isBelow, name]);
  /** A press beside the sheet, on what it covers, closes it. */
  const onPointerDown = (event: TargetedPointerEvent<HTMLDialogElement>): void => {
    if (event.target === event.currentTarget) closeSheet();
  };
  return (
    <dialog
      ref={dialog}
      class={`sheet ${name}-sheet`}
      aria-labelledby="sheet-title"
      onCancel={(event) => {
        event.preventDefault();
        closeSheet();
      }}
      onPointerDown={onPointerDown}
    >
      <div class="sheet-frame">
        <header class="sheet-head">
          <h2 id="sheet-title">{PANELS[name].title}</h2>
          <button type="button" class="quiet square" aria-label="Close" onClick={closeSheet}>
            <Icon name="close" />
          </button>
        </header>
        <PanelBody name={name} />
      </div>
    </dialog>
  );
}
