// Icons of the page: simple strokes in the colour of the text around them.
//
// They say nothing to a screen reader: whoever uses one names the control.

const SHAPES = {
  play: 'M4.5 2.8v10.4L13 8z',
  pause: 'M5 3v10M11 3v10',
  stepForward: 'm6 3 5 5-5 5',
  stepBack: 'M10 3 5 8l5 5',
  toStart: 'M13 3.2v9.6L6 8zM3.5 3.2v9.6',
  toEnd: 'M3 3.2v9.6L10 8zM12.5 3.2v9.6',
  chapterBack: 'M13.5 3.2v9.6L8 8zM8 3.2v9.6L2.5 8z',
  chapterForward: 'M2.5 3.2v9.6L8 8zM8 3.2v9.6L13.5 8z',
  sun: 'M8 5.2a2.8 2.8 0 1 0 0 5.6 2.8 2.8 0 0 0 0-5.6M8 1v1.6M8 13.4V15M1 8h1.6M13.4 8H15M3 3l1.2 1.2M11.8 11.8 13 13M3 13l1.2-1.2M11.8 4.2 13 3',
  moon: 'M13 9.6A5.6 5.6 0 0 1 6.4 3 5.4 5.4 0 1 0 13 9.6z',
  system: 'M2 3h12v8H2zM6 13.5h4',
  help: 'M5.6 6a2.4 2.4 0 1 1 3.6 2.1c-.8.5-1.2.9-1.2 1.8M8 12.4v.6',
  share: 'M8 10V2M5 4.5 8 2l3 2.5M3 8.5V14h10V8.5',
  close: 'm3.5 3.5 9 9M12.5 3.5l-9 9',
  copy: 'M5.5 5.5h8v8h-8zM10.5 5.5v-3h-8v8h3',
  check: 'm3 8.5 3.2 3.2L13 5',
  scenes: 'M2 3h5v4H2zM9 3h5v4H9zM2 9h5v4H2zM9 9h5v4H9z',
  knobs: 'M2 5h7M12.5 5H14M2 11h1.5M7 11h7M10.7 3.3v3.4M5.2 9.3v3.4',
  inspector: 'M7 2.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9M10.3 10.3 14 14',
  plug: 'M5.5 1.5v3.5M10.5 1.5v3.5M3.5 5h9v2.5a4.5 4.5 0 0 1-9 0zM8 12v2.5',
  more: 'M3 8h.01M8 8h.01M13 8h.01',
  charts: 'M2 2v12h12M4.5 10.5 7 7l2.5 2 4-5',
  records: 'M2 4h12M2 8h12M2 12h8',
  editor: 'M3 13l.6-2.8L10.8 3 13 5.2l-7.2 7.2z',
  disk: 'M2 8.5h12v4.5H2zM2 8.5 4 3h8l2 5.5M11 11h.01',
  linux: 'M2 3h12v10H2zM4.5 6l2 2-2 2M8 10h3.5',
} as const;

export type IconName = keyof typeof SHAPES;

/** Filled, so that they read as one mark at this size. */
const SOLID: ReadonlySet<IconName> = new Set(['play', 'toStart', 'toEnd', 'chapterBack', 'chapterForward']);

export function Icon({ name }: { name: IconName }) {
  return (
    <svg class={SOLID.has(name) ? 'icon solid' : 'icon'} viewBox="0 0 16 16" aria-hidden="true">
      <path d={SHAPES[name]} />
    </svg>
  );
}

/** The page's mark: three requests of different length. */
export function Mark() {
  return (
    <svg class="mark" viewBox="0 0 16 16" aria-hidden="true">
      <path d="M1 2h14v3H1zM1 7h9v3H1zM1 12h5v3H1z" />
    </svg>
  );
}
