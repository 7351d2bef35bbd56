// What of the page is open: which panel in which place, how wide the page is, which theme.
//
// Verbs: showPanel, togglePanel, closeSheet, setTheme, nextTheme. A panel has one home; on a wide screen that is a column or the dock below
// the timeline, on a phone everything but the lanes is a sheet.
// Invariant: a panel is mounted only while it is shown. What must outlive that is a signal of its own file.

import { computed, effect, signal } from '@preact/signals';
import type { IconName } from './icons.tsx';

export type PanelName =
  | 'scenes'
  | 'knobs'
  | 'editor'
  | 'inspector'
  | 'records'
  | 'plug'
  | 'charts'
  | 'disk'
  | 'linux'
  | 'share'
  | 'help'
  | 'more';

/** Where a panel stands on a wide screen. */
export type Home = 'left' | 'right' | 'dock' | 'dialog';

export interface PanelInfo {
  readonly title: string;
  readonly home: Home;
  readonly icon: IconName;
}

export const PANELS: Readonly<Record<PanelName, PanelInfo>> = {
  scenes: { title: 'Scenes', home: 'left', icon: 'scenes' },
  knobs: { title: 'Knobs', home: 'left', icon: 'knobs' },
  editor: { title: 'Editor', home: 'left', icon: 'editor' },
  inspector: { title: 'Inspector', home: 'right', icon: 'inspector' },
  records: { title: 'Records', home: 'right', icon: 'records' },
  plug: { title: 'Pull the plug', home: 'right', icon: 'plug' },
  charts: { title: 'Charts', home: 'dock', icon: 'charts' },
  disk: { title: 'Your disk', home: 'dock', icon: 'disk' },
  linux: { title: 'Linux', home: 'dock', icon: 'linux' },
  share: { title: 'Share', home: 'dialog', icon: 'share' },
  help: { title: 'Keys and marks', home: 'dialog', icon: 'help' },
  more: { title: 'More', home: 'dialog', icon: 'more' },
};

export function panelsOf(home: Home): PanelName[] {
  return (Object.keys(PANELS) as PanelName[]).filter((name) => PANELS[name].home === home);
}

/** wide: both columns stand; medium: one of them does; phone: lanes alone, the rest in sheets. */
export type Layout = 'wide' | 'medium' | 'phone';
/** In em: with larger text a screen has room for less. 700 and 1,100 pixels wide, 500 high, as a rule. */
const MEDIUM_QUERY = '(min-width: 43.75em) and (min-height: 31.25em)';
const WIDE_QUERY = '(min-width: 68.75em) and (min-height: 31.25em)';
const LOW_QUERY = '(max-height: 31.24em)';
const SIDEWAYS_QUERY = '(min-width: 35em)';

function matches(query: string): { readonly value: boolean } {
  const list = matchMedia(query);
  const found = signal(list.matches);
  list.addEventListener('change', () => {
    found.value = list.matches;
  });
  return found;
}

const isMedium = matches(MEDIUM_QUERY);
const isWide = matches(WIDE_QUERY);
export const layout = computed<Layout>(() => (isWide.value ? 'wide' : isMedium.value ? 'medium' : 'phone'));

/** How the phone is held. sideways: captions beside the lanes; small: so little room that nothing scrolls but the page. */
export type Shape = 'upright' | 'sideways' | 'small';
const isLow = matches(LOW_QUERY);
const isSideways = matches(SIDEWAYS_QUERY);
export const shape = computed<Shape>(() => {
  if (layout.value !== 'phone' || !isLow.value) return 'upright';
  return isSideways.value ? 'sideways' : 'small';
});

/** What tells of the lanes stands below them on an upright phone; every other sheet lies over the page. */
const OF_THE_LANES: ReadonlySet<PanelName> = new Set(['inspector', 'plug']);
export const isSheetBelow = computed(
  () =>
    layout.value === 'phone' &&
    shape.value === 'upright' &&
    sheet.value !== undefined &&
    OF_THE_LANES.has(sheet.value),
);

/** The tab that is shown in each column. */
export const leftTab = signal<PanelName>('scenes');
export const rightTab = signal<PanelName>('inspector');
/** Panel below the timeline; undefined: it is closed. */
export const dock = signal<PanelName | undefined>(undefined);
/** On a medium screen: does the right column stand in the place of the left one? */
export const isDrawerOpen = signal(false);
/** The panel that lies over the page. */
export const sheet = signal<PanelName | undefined>(undefined);
/** The panel that takes the focus once it is there. */
export const focusWanted = signal<PanelName | undefined>(undefined);

/** Shows a panel where this layout has it, and takes the focus there. */
export function showPanel(name: PanelName): void {
  const { home } = PANELS[name];
  focusWanted.value = name;
  if (home === 'dialog' || layout.value === 'phone') {
    sheet.value = name;
  } else if (home === 'left') {
    leftTab.value = name;
    isDrawerOpen.value = false;
  } else if (home === 'right') {
    rightTab.value = name;
    isDrawerOpen.value = true;
  } else {
    dock.value = name;
  }
}

export function isShown(name: PanelName): boolean {
  if (sheet.value === name) return true;
  if (layout.value === 'phone') return false;
  if (dock.value === name) return true;
  if (leftTab.value === name) return layout.value === 'wide' || !isDrawerOpen.value;
  return rightTab.value === name && (layout.value === 'wide' || isDrawerOpen.value);
}

/** For panels of the dock: opens or closes. */
export function togglePanel(name: PanelName): void {
  if (dock.value === name && layout.value !== 'phone') dock.value = undefined;
  else showPanel(name);
}

export function closeSheet(): void {
  sheet.value = undefined;
}

export type Theme = 'system' | 'light' | 'dark';
const THEMES: readonly Theme[] = ['system', 'light', 'dark'];
const THEME_KEY = 'sectorlab-theme';

function storedTheme(): Theme {
  try {
    return THEMES.find((theme) => theme === localStorage.getItem(THEME_KEY)) ?? 'system';
  } catch {
    return 'system'; // a reader who lets pages store nothing
  }
}

export const theme = signal<Theme>(storedTheme());

effect(() => {
  const { documentElement } = document;
  if (theme.value === 'system') delete documentElement.dataset.theme;
  else documentElement.dataset.theme = theme.value;
});

export function nextTheme(): void {
  const next = THEMES[(THEMES.indexOf(theme.value) + 1) % THEMES.length] ?? 'system';
  theme.value = next;
  try {
    localStorage.setItem(THEME_KEY, next);
  } catch {
    // it holds for this visit only
  }
}
