// Share: a link to this scene or this moment, files to keep, and the way to open what somebody else has kept.

import { signal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { engine, tell } from '../actions.ts';
import { formatCount, formatTime } from '../model/describe.ts';
import { changesOf } from '../scene/changes.ts';
import { formatSceneText } from '../scene/text.ts';
import { SCENES } from '../scenes/index.ts';
import { recordLines, recordTable, saveFile } from '../share/files.ts';
import { encodeLink } from '../share/link.ts';
import { openBlob, openText } from '../share/open-file.ts';
import { closeSheet } from '../shell/view.ts';
import { lanesOnPage, pngBlob, svgText } from '../stage/picture.ts';
import { cursor, isLive, run, runVersion, scene, sceneStep, stack } from '../state.ts';

const hasMoment = signal(true);
const link = signal('');
const isCopied = signal(false);

/** The link to what is shown now. */
async function makeLink(isMoment: boolean): Promise<string> {
  const shown = scene.value;
  const step = isMoment ? sceneStep.value : undefined;
  const hash = step === undefined ? undefined : (await engine.stand(step)).recordHash;
  const fragment = await encodeLink({ scene: shown, step, hash }, SCENES);
  return `${location.href.replace(/#.*$/, '')}#${fragment}`;
}

export function Share() {
  return (
    <div class="share">
      {isLive.value ? (
        <p class="hint">
          A live machine has no link: what you did to it can not be played again. Its records and its picture
          can be kept.
        </p>
      ) : (
        <Link />
      )}
      <Files />
      <Open />
    </div>
  );
}

function Link() {
  const [shown, step, isMoment] = [scene.value, sceneStep.value, hasMoment.value];
  // the link is of the scene, the step and the choice of this drawing
  useEffect(() => {
    isCopied.value = false;
    makeLink(isMoment).then((made) => {
      if (scene.value === shown && sceneStep.value === step) link.value = made;
    }, tell);
  }, [shown, step, isMoment]);
  const changeCount = Object.keys(changesOf(shown)).length;
  return (
    <section class="share-part">
      <h3>A link</h3>
      <fieldset class="share-choice">
        <legend class="hint">It opens</legend>
        <label>
          <input type="radio" name="moment" checked={isMoment} onChange={() => (hasMoment.value = true)} />{' '}
          this moment, step {formatCount(step)}
        </label>
        <label>
          <input type="radio" name="moment" checked={!isMoment} onChange={() => (hasMoment.value = false)} />{' '}
          the scene from its start
        </label>
      </fieldset>
      <div class="share-link">
        <input
          type="text"
          id="share-link"
          aria-label="Link"
          readOnly
          value={link.value}
          onFocus={(event) => event.currentTarget.select()}
        />
        <button type="button" class="primary" data-first-focus onClick={() => void copyLink()}>
          {isCopied.value ? 'Copied' : 'Copy'}
        </button>
      </div>
      <p class="hint" role="status">
        {describeLink(changeCount)}
      </p>
    </section>
  );
}

function describeLink(changeCount: number): string {
  const what =
    changeCount === 0
      ? 'the scene'
      : changeCount === 1
        ? 'the scene with its 1 changed option'
        : `the scene with its ${changeCount} changed options`;
  const moment = hasMoment.value
    ? ', the moment, and the hash of all records before it, which is compared when it is opened'
    : '';
  return `${formatCount(link.value.length)} characters. It holds ${what}${moment}. Nothing is stored anywhere else.`;
}

async function copyLink(): Promise<void> {
  try {
    await navigator.clipboard.writeText(link.value);
    isCopied.value = true;
  } catch {
    document.querySelector<HTMLInputElement>('#share-link')?.select();
    tell('The browser does not let the page copy; the link is selected, so that you can.');
  }
}

function Files() {
  runVersion.value;
  const shown = run.value;
  const name = scene.value.id;
  // a live run is never whole: what it has so far is what there is
  const isKnown = shown?.isWhole === true || isLive.value;
  const save = (suffix: string, make: () => BlobPart[] | Promise<BlobPart[]>) => (): void => {
    Promise.resolve()
      .then(make)
      .then((parts) => saveFile(`${name}${suffix}`, new Blob(parts)), tell);
  };
  const records = shown === undefined ? '' : ` (${formatCount(shown.recordCount)})`;
  return (
    <section class="share-part">
      <h3>Files to keep</h3>
      <div class="share-files">
        {!isLive.value && (
          <>
            <button type="button" onClick={save('.txt', () => [formatSceneText(scene.value)])}>
              Scene as text
            </button>
            <button
              type="button"
              onClick={save('.json', () => [`${JSON.stringify(scene.value, null, 2)}\n`])}
            >
              Scene as JSON
            </button>
          </>
        )}
        <button
          type="button"
          disabled={!isKnown}
          onClick={save('.jsonl', () => (shown ? recordLines(shown) : []))}
        >
          Records{records} as JSON Lines
        </button>
        <button
          type="button"
          disabled={!isKnown}
          onClick={save('.csv', () => (shown ? recordTable(shown) : []))}
        >
          Records as CSV
        </button>
        <button
          type="button"
          onClick={save(`-${cursor.value}.svg`, () => [svgText(lanes(), pictureTitle())])}
        >
          Picture as SVG
        </button>
        <button
          type="button"
          onClick={save(`-${cursor.value}.png`, async () => [await pngBlob(lanes(), pictureTitle())])}
        >
          Picture as PNG
        </button>
      </div>
    </section>
  );
}

function lanes(): SVGSVGElement {
  const found = lanesOnPage();
  if (found === undefined) throw new Error('There is nothing to draw yet.');
  return found;
}

function pictureTitle(): string {
  const time = stack.value === undefined ? '' : `, ${formatTime(stack.value.nowNs)}`;
  return `${scene.value.title}, step ${formatCount(cursor.value)}${time}`;
}

function Open() {
  const pasted = useRef<HTMLTextAreaElement>(null);
  const open = (opened: Promise<void>): void => {
    closeSheet();
    void opened;
  };
  return (
    <section class="share-part">
      <h3>Open</h3>
      <p class="hint">
        A trace of I/O (fio iolog, MSR CSV or vscsi, plain or gz), a scene, or a recipe that explore has
        printed. You can also drop a file anywhere on the page. It is read here and goes nowhere.
      </p>
      <label class="share-file">
        <span>Choose a file</span>
        <input
          type="file"
          id="open-file"
          onChange={(event) => {
            const file = event.currentTarget.files?.[0];
            event.currentTarget.value = '';
            if (file !== undefined) open(openBlob(file, file.name));
          }}
        />
      </label>
      <textarea
        ref={pasted}
        rows={3}
        aria-label="Or paste a link, a scene or a recipe"
        placeholder="Or paste a link, a scene or a recipe"
        spellcheck={false}
      />
      <button type="button" onClick={() => open(openText(pasted.current?.value ?? ''))}>
        Open what is pasted
      </button>
    </section>
  );
}
