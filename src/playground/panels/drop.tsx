// Files that are dragged over the page: it says that they may be dropped, and opens what is.

import { signal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { openBlob } from '../share/open-file.ts';

const isOver = signal(false);

function hasFiles(event: DragEvent): boolean {
  return event.dataTransfer?.types.includes('Files') === true;
}

/** A part of the page that takes files of its own kind. */
function isTaken({ target }: DragEvent): boolean {
  return target instanceof Element && target.closest('[data-takes-files]') !== null;
}

function onOver(event: DragEvent): void {
  if (!hasFiles(event)) return;
  event.preventDefault();
  isOver.value = !isTaken(event);
}

/** Leaving one element for another is not leaving the page. */
function onLeave(event: DragEvent): void {
  if (event.relatedTarget === null) isOver.value = false;
}

function onDrop(event: DragEvent): void {
  isOver.value = false;
  const file = event.dataTransfer?.files[0];
  if (file === undefined || isTaken(event)) return;
  event.preventDefault();
  void openBlob(file, file.name);
}

export function Drop() {
  useEffect(() => {
    document.addEventListener('dragover', onOver);
    document.addEventListener('dragleave', onLeave);
    document.addEventListener('drop', onDrop);
    return () => {
      document.removeEventListener('dragover', onOver);
      document.removeEventListener('dragleave', onLeave);
      document.removeEventListener('drop', onDrop);
    };
  }, []);
  return isOver.value ? (
    <div class="drop-overlay">
      <div>
        <h2>Drop it here</h2>
        <p>A trace, a scene, or a recipe. It is read in this page and goes nowhere.</p>
      </div>
    </div>
  ) : null;
}
