// A panel that lies over the page: a sheet from the bottom on a phone, a dialog on wider screens.
//
// A modal <dialog>: the browser keeps the focus inside, closes it by Escape, and gives the focus back.

import type { TargetedPointerEvent } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from './icons.tsx';
import { PanelBody } from './panel-body.tsx';
import { closeSheet, PANELS, type PanelName, sheet } from './view.ts';

export function Sheet() {
  const name = sheet.value;
  return name === undefined ? null : <OpenSheet key={name} name={name} />;
}

function OpenSheet({ name }: { name: PanelName }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    // closed before it goes, so that the focus returns to where it came from
    return () => opened?.close();
  }, []);
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
