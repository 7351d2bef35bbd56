// A scene as lines of text, for the editor.
//
//   title Two writes                      question, intro: free text; pace 4; check sectors
//   machine cache=64KiB eviction=lru      options of the machine, by the names of MachineConfig
//   drive hdd size=64MiB rpm=7200         its model, then options and parameters
//   fault drive0 eio on=write nth=3       a rule of faults
//   file log capacity=1MiB                a flat file
//   client app aio drive0 depth=4         name, entrance, target
//   chapter Two writes                    what follows is done in it; text: what the caption says
//   app: read 0 64KiB x100 random span=16MiB
//   note dirtied 2: the second page is dirty
//
// A line that begins with # is a comment. Verbs: parseSceneText, readSceneText, formatSceneText.
// Invariant: what is formatted is parsed to the same scene, with sizes as bytes and the group `yours`.

import { RECORD_KIND_NAMES } from '../../records.ts';
import type { Json } from './changes.ts';
import { checkScene } from './check.ts';
import * as machine from './text-machine.ts';
import { LineError, printText, readText, splitWords } from './text-words.ts';
import { printNote, printWork, readNote, readWork, WORK_WORDS } from './text-work.ts';
import type { Chapter, Scene, SceneClient, SceneMachine } from './types.ts';

export interface LineProblem {
  /** Counted from 1. */
  readonly line: number;
  readonly message: string;
}

export interface SceneText {
  /** Undefined when there are problems. */
  readonly scene: Scene | undefined;
  readonly problems: readonly LineProblem[];
}

type Mutable<T> = { -readonly [Name in keyof T]: T[Name] };
type MutableChapter = Omit<Mutable<Chapter>, 'work' | 'notes'> & {
  work: Chapter['work'][number][];
  notes: Chapter['notes'][number][];
};

const CHECKS = ['sectors', 'files', 'xv6-log'];
export const HEAD_WORDS: readonly string[] = [
  'id',
  'title',
  'question',
  'intro',
  'pace',
  'check',
  'machine',
  'drive',
  'fault',
  'file',
  'client',
];

/** Reads line by line; what is known so far. */
class Reader {
  readonly head: Record<string, Json> = {
    id: 'yours',
    title: 'A scene of your own',
    question: '',
    intro: '',
    group: 'yours',
  };
  readonly machine: Record<string, Json> = {};
  readonly drives: Record<string, Json>[] = [];
  readonly files: Record<string, Json>[] = [];
  readonly clients: Record<string, Json>[] = [];
  readonly chapters: MutableChapter[] = [];
  /** Path of a part of the scene → the line that it comes from. */
  readonly lines = new Map<string, number>();

  read(text: string, line: number): void {
    const [, word = '', rest = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
    const chapter = this.chapters.at(-1);
    if (word === 'chapter') {
      this.lines.set(`chapters[${this.chapters.length}]`, line);
      this.chapters.push({ title: readText(rest), text: '', work: [], notes: [] });
    } else if (HEAD_WORDS.includes(word)) this.readHead(word, rest, line);
    else if (chapter === undefined) this.refuse(word);
    else if (word === 'text') chapter.text = readText(rest);
    else if (word === 'note') {
      this.lines.set(`chapters[${this.chapters.length - 1}].notes[${chapter.notes.length}]`, line);
      chapter.notes.push(readNote(rest, RECORD_KIND_NAMES));
    } else {
      this.lines.set(`chapters[${this.chapters.length - 1}].work[${chapter.work.length}]`, line);
      chapter.work.push(readWork(text));
    }
  }

  private refuse(word: string): never {
    const isWork = WORK_WORDS.includes(word) || word.endsWith(':') || word === 'text' || word === 'note';
    if (isWork) throw new LineError(`${word} belongs to a chapter; begin one above with chapter A title`);
    throw new LineError(`"${word}" begins no line; there are ${HEAD_WORDS.join(', ')} and chapter`);
  }

  private readHead(word: string, rest: string, line: number): void {
    const words = splitWords(rest);
    switch (word) {
      case 'machine':
        this.lines.set('machine', line);
        for (const name of words) this.lines.set(`machine.${name.split('=')[0]}`, line);
        machine.readMachine(words, this.machine);
        break;
      case 'drive':
        this.lines.set(`machine.drives[${this.drives.length}]`, line);
        this.drives.push({});
        this.drives[this.drives.length - 1] = machine.readDrive(words);
        break;
      case 'fault': {
        const [number, rule] = machine.readFault(rest.trim(), this.drives.length);
        const drive = this.drives[number] as Record<string, Json>;
        const rules = (drive.faults ?? []) as readonly Json[];
        this.lines.set(`machine.drives[${number}].faults[${rules.length}]`, line);
        drive.faults = [...rules, rule];
        break;
      }
      case 'file':
        this.lines.set(`machine.files[${this.files.length}]`, line);
        this.files.push(machine.readFile(words));
        break;
      case 'client':
        this.lines.set(`clients[${this.clients.length}]`, line);
        this.clients.push(machine.readClient(words));
        break;
      case 'pace':
        if (!/^\d+(\.\d+)?$/.test(rest.trim()))
          throw new LineError('pace is steps a second, a number; write pace 4');
        this.head.pace = Number(rest);
        break;
      case 'check':
        if (!CHECKS.includes(rest.trim())) throw new LineError(`check is one of ${CHECKS.join(', ')}`);
        this.head.check = rest.trim();
        break;
      default:
        this.head[word] = readText(rest);
    }
  }

  scene(): unknown {
    return {
      ...this.head,
      machine: {
        ...this.machine,
        ...(this.drives.length === 0 ? {} : { drives: this.drives }),
        ...(this.files.length === 0 ? {} : { files: this.files }),
      },
      clients: this.clients.length === 0 ? [{ name: 'app', entrance: 'aio' }] : this.clients,
      chapters: this.chapters,
    };
  }

  /** The line that a path of the scene comes from: of the nearest part around it that has one. */
  lineOf(field: string): number | undefined {
    for (const start of [field, `machine.${field}`]) {
      for (let path = start; path !== ''; path = path.replace(/(^|\.)[^.[\]]*$|\[\d*\]$/, '')) {
        const line = this.lines.get(path);
        if (line !== undefined && path !== 'machine') return line;
      }
    }
    return this.lines.get('machine');
  }
}

/** The scene, or each line that is wrong. Never throws. */
export function parseSceneText(text: string): SceneText {
  const { reader, ...read } = readLines(text);
  if (read.scene === undefined) return read;
  try {
    return { scene: checkScene(read.scene), problems: [] };
  } catch (error) {
    return {
      scene: undefined,
      problems: [lineProblem(reader, text.split(/\r?\n/).length, messageOf(error))],
    };
  }
}

/** As parseSceneText, before the gate: what the lines say, whether it can be played or not. */
export function readSceneText(text: string): SceneText {
  const { scene, problems } = readLines(text);
  return { scene, problems };
}

function readLines(text: string): SceneText & { readonly reader: Reader } {
  const reader = new Reader();
  const problems: LineProblem[] = [];
  const lines = text.split(/\r?\n/);
  lines.forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed === '' || trimmed.startsWith('#')) return;
    try {
      reader.read(trimmed, index + 1);
    } catch (error) {
      problems.push({ line: index + 1, message: messageOf(error) });
    }
  });
  if (problems.length > 0) return { scene: undefined, problems, reader };
  if (reader.chapters.length === 0)
    return {
      scene: undefined,
      problems: [
        {
          line: lines.length,
          message: 'nothing is done yet; write chapter A title, and write 0 4KiB below it',
        },
      ],
      reader,
    };
  return { scene: reader.scene() as Scene, problems, reader };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function lineProblem(reader: Reader, last: number, message: string): LineProblem {
  const [, field = ''] = /^(\S+)/.exec(message) ?? [];
  return { line: reader.lineOf(field) ?? last, message };
}

/** Where in the text the machine's own refusal belongs: it is known only when the scene is opened. */
export function locateProblem(text: string, message: string): LineProblem {
  const reader = new Reader();
  const lines = text.split(/\r?\n/);
  lines.forEach((line, index) => {
    const trimmed = line.trim();
    if (trimmed !== '' && !trimmed.startsWith('#')) reader.read(trimmed, index + 1);
  });
  return lineProblem(reader, lines.length, message);
}

export function formatSceneText(scene: Scene): string {
  const { drives = [], files = [] } = scene.machine as SceneMachine;
  const head = [
    `id ${printText(scene.id)}`,
    ...(['title', 'question', 'intro'] as const).map((name) => `${name} ${printText(scene[name])}`),
    ...(scene.pace === undefined ? [] : [`pace ${scene.pace}`]),
    ...(scene.check === undefined ? [] : [`check ${scene.check}`]),
    '',
    ...machine.printMachine(scene.machine),
    ...drives.flatMap((drive, index) => [
      machine.printDriveLine(drive),
      ...(drive.faults ?? []).map((rule) => `fault drive${index} ${machine.printFault(rule)}`),
    ]),
    ...files.map(machine.printFile),
    ...scene.clients.map((client: SceneClient) => machine.printClient(client)),
  ];
  const chapters = scene.chapters.map((chapter) =>
    [
      `chapter ${printText(chapter.title)}`,
      ...(chapter.text === '' ? [] : [`text ${printText(chapter.text)}`]),
      ...chapter.work.map(printWork),
      ...chapter.notes.map(printNote),
    ].join('\n'),
  );
  return `${[head.join('\n'), ...chapters].join('\n\n')}\n`;
}
