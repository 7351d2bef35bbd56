// One chart drawn by uPlot: the scene's own run pale behind, colours from the page's tokens, a line at the moment shown.
//
// Verbs: drawChart. uPlot is loaded when the first chart is drawn; it draws anew when the place changes its width or the theme changes.

import type uPlot from 'uplot';
import { formatDuration } from '../../model/formats.ts';
import type { Chart } from '../../model/series.ts';
import { formatUnit } from './facts.ts';

export interface Drawing {
  readonly chart: Chart;
  /** Of the scene without changes, in the same stretches of time. */
  readonly own: Chart | undefined;
  readonly times: Float64Array;
  readonly seekTo: (timeNs: number) => void;
}

export interface DrawnChart {
  showTime(timeNs: number): void;
  remove(): void;
}

const HEIGHT = 108;
const LEAST_WIDTH = 120;
const AXIS_FONT = '11px system-ui, sans-serif';
const CHARACTER_WIDTH = 6.5;
const AXIS_GAP = 10;
const LINE_WIDTH = 1.5;
/** Token of each line, in their order. */
const LINE_TOKENS = ['--accent', '--write'];
const THEME = '(prefers-color-scheme: dark)';

export async function drawChart(place: HTMLElement, drawing: Drawing): Promise<DrawnChart> {
  const { default: UPlot } = await import('uplot');
  const now = document.createElement('div');
  now.className = 'chart-now';
  let plot: uPlot | undefined;
  let timeNs = 0;
  const showTime = (): void => {
    if (plot !== undefined) now.style.transform = `translateX(${plot.valToPos(timeNs, 'x')}px)`;
  };
  const draw = (): void => {
    plot?.destroy();
    plot = new UPlot(optionsOf(place, drawing), dataOf(drawing), place);
    plot.over.append(now);
    plot.over.addEventListener('click', (event) => {
      if (plot !== undefined) drawing.seekTo(plot.posToVal(event.offsetX, 'x'));
    });
    showTime();
  };
  draw();
  let width = place.clientWidth;
  const resized = new ResizeObserver(() => {
    if (place.clientWidth === width) return;
    width = place.clientWidth;
    plot?.setSize({ width: Math.max(LEAST_WIDTH, width), height: HEIGHT });
    showTime();
  });
  resized.observe(place);
  const themed = new MutationObserver(draw);
  themed.observe(document.documentElement, { attributeFilter: ['data-theme'] });
  const system = matchMedia(THEME);
  system.addEventListener('change', draw);
  return {
    showTime(next) {
      timeNs = next;
      showTime();
    },
    remove() {
      resized.disconnect();
      themed.disconnect();
      system.removeEventListener('change', draw);
      plot?.destroy();
    },
  };
}

/** uPlot wants null where there is nothing. */
function dataOf({ chart, own, times }: Drawing): uPlot.AlignedData {
  const lines = [...(own?.lines ?? []), ...chart.lines];
  return [
    Array.from(times),
    ...lines.map(({ values }) => Array.from(values, (value) => (Number.isNaN(value) ? null : value))),
  ];
}

/** The colour that a token has here and now; canvas knows no light-dark(). */
function colourOf(place: HTMLElement, token: string): string {
  const probe = document.createElement('span');
  probe.style.color = `var(${token})`;
  place.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  return color;
}

/** As wide as the longest of the words beside the axis. */
function widthOfTicks(ticks: readonly string[] | null): number {
  return AXIS_GAP + CHARACTER_WIDTH * Math.max(3, ...(ticks ?? []).map(({ length }) => length));
}

function optionsOf(place: HTMLElement, { chart, own }: Drawing): uPlot.Options {
  const [muted, line] = [colourOf(place, '--muted'), colourOf(place, '--line')];
  const axis = { stroke: muted, font: AXIS_FONT, ticks: { stroke: line, size: 3, width: 1 }, gap: 3 };
  const lineOf = (label: string, stroke: string, width: number): uPlot.Series => ({
    label,
    stroke,
    width,
    spanGaps: chart.unit === 'ns' || chart.unit === '%',
    points: { show: false },
  });
  return {
    width: Math.max(LEAST_WIDTH, place.clientWidth),
    height: HEIGHT,
    legend: { show: false },
    cursor: { sync: { key: 'sectorlab' }, drag: { x: false, y: false }, y: false },
    scales: {
      x: { time: false },
      y: { range: (_plot, _least, most) => [0, chart.unit === '%' ? 100 : Math.max(most ?? 0, 1) * 1.08] },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        size: 20,
        space: 56,
        values: (_plot, ticks) => ticks.map(formatDuration),
      },
      {
        ...axis,
        grid: { stroke: line, width: 1 },
        size: (_plot, ticks) => widthOfTicks(ticks),
        space: 34,
        values: (_plot, ticks) => ticks.map((tick) => formatUnit(chart.unit, tick)),
      },
    ],
    series: [
      {},
      ...(own?.lines ?? []).map(({ label }) => lineOf(`${label} before`, colourOf(place, '--edge'), 1)),
      ...chart.lines.map(({ label }, index) =>
        lineOf(label, colourOf(place, LINE_TOKENS[index] as string), LINE_WIDTH),
      ),
    ],
  };
}
