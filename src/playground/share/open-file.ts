// Whatever a reader drops, chooses or pastes: it is opened as what it is, or what is wrong with it is said.
//
// Verbs: openBlob, openText. Of a large file only the head is read, as far as its requests are wanted.
// Invariant: a file that can not be opened changes nothing but the message; one that comes while another is read takes its place.

import { beginOpening, dismissProblem, replaceScene, tell } from '../actions.ts';
import { setDraft } from '../panels/editor/draft.ts';
import { openRecipe } from '../panels/explore/state.ts';
import { checkScene } from '../scene/check.ts';
import { parseSceneText } from '../scene/text.ts';
import { showPanel } from '../shell/view.ts';
import { LinkError } from './link.ts';
import { openTraceFile } from './opened-trace.ts';
import { openLink } from './opening.ts';
import { sniff } from './sniff.ts';

const HEAD_BYTES = 65536;
/** A scene or a recipe that is larger is none. */
const MOST_TEXT_BYTES = 33_554_432;

export async function openText(text: string, name = 'what was pasted'): Promise<void> {
  await openBlob(new Blob([text]), name);
}

/** Opens it, or tells the reader why not. */
export async function openBlob(content: Blob, name: string): Promise<void> {
  const wanted = beginOpening();
  try {
    dismissProblem();
    await openAs(content, name, wanted);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    // a trace's errors name the file themselves
    const isNamed = error instanceof LinkError || message.startsWith(`${name}: `);
    tell(isNamed ? message : `${name}: ${message}`);
  }
}

async function openAs(content: Blob, name: string, wanted: AbortSignal): Promise<void> {
  const head = new Uint8Array(await content.slice(0, HEAD_BYTES).arrayBuffer());
  if (wanted.aborted) return;
  const kind = sniff(head);
  if (kind === 'empty') throw new Error('there is nothing in it');
  if (kind === 'trace') {
    await openTraceFile(content, name, wanted);
    return;
  }
  if (content.size > MOST_TEXT_BYTES)
    throw new Error(`it is ${content.size} bytes long, more than the ${MOST_TEXT_BYTES} that are read`);
  const text = await content.text();
  if (wanted.aborted) return;
  switch (kind) {
    case 'link':
      await openLink(text.slice(text.indexOf('#')).trim());
      break;
    case 'recipe':
      await openRecipeText(text, name);
      break;
    case 'sceneText':
      await openSceneText(text, wanted);
      break;
    case 'sceneJson':
      await replaceScene(checkScene(JSON.parse(text)), 0, wanted);
      break;
    default:
      throw new Error(
        'this JSON is no scene, which has chapters and clients, and no recipe of explore, which has states and a version of sectorlab',
      );
  }
}

async function openRecipeText(text: string, name: string): Promise<void> {
  await openRecipe(text, name);
  showPanel('plug');
}

/** A text goes to the editor too: what is wrong with it is mended there. */
async function openSceneText(text: string, wanted: AbortSignal): Promise<void> {
  const { scene, problems } = parseSceneText(text);
  setDraft(text);
  if (scene === undefined) {
    showPanel('editor');
    throw new Error(`line ${problems[0]?.line}: ${problems[0]?.message}`);
  }
  await replaceScene(scene, 0, wanted);
}
