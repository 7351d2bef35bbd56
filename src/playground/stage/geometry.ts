// Every length of the lanes, in CSS pixels, on one page.
//
// Vertical ones keep to a rhythm of four; layout.ts and its parts add them up, and nothing else in the stage names a length.

/** Narrower than this, a lane's title stands above it. */
export const WIDE_FROM = 720;
export const MIN_WIDTH = 256;
export const MAX_WIDTH = 1400;

/** Left of the lanes on a wide stage: titles and what a lane is for. */
export const GUTTER = 152;
export const GUTTER_GAP = 16;

/** Of a lane: a narrow stage is a tall one, and its last lane should be seen without a scroll. */
export interface HeaderLines {
  readonly title: number;
  /** Second line: what the lane is for, or what just happened. */
  readonly purpose: number;
  readonly height: number;
  readonly foot: number;
}
export const WIDE_LINES: HeaderLines = { title: 18, purpose: 34, height: 30, foot: 8 };
export const NARROW_LINES: HeaderLines = { title: 16, purpose: 32, height: 40, foot: 8 };
export const PURPOSE_LINE = 16;

/** Text sizes as style/stage.css has them, and the mean width of a character. */
export const CAPTION_SIZE = 13;
export const LABEL_SIZE = 12;
export const MARK_SIZE = 11;
/** The browser's text size for which all lengths are meant: with larger text the whole picture is larger. */
export const TEXT_SIZE = 16;
export const CHARACTER_WIDTH = 0.58;

/** Requests of an application. */
export const CHIP_HEIGHT = 20;
export const CHIP_GAP = 4;
export const CHIP_LINE = 24;
export const CHIP_MAX_WIDTH = 120;
export const CHIP_MIN_WIDTH = 10;
/** A chip as wide as this has its verb in it. */
export const CHIP_TEXT_FROM = 48;
/** Names of clients stand beside their slots from this width on, in the room that the longest of a stage needs; else above. */
export const CLIENT_BESIDE_FROM = 520;
export const CLIENT_LABEL_MIN = 56;
export const CLIENT_LABEL_MAX = 148;
export const CLIENT_LABEL_LINE = 16;
export const CLIENT_GAP = 4;

/** Where words in a mark begin, behind its sign; and how much of the mark is left behind them for its pattern. */
export const MARK_TEXT_LEFT = 18;
export const MARK_PATTERN_WIDTH = 14;
/** Of the ground of words, behind the last. */
export const PLATE_END = 4;
/** A sign without words, with its ground. */
export const SIGN_WIDTH = 16;

/** Pages: the first size whose rows fit is taken; gap between two. */
export const PAGE_SIZES = [32, 28, 24, 20, 17, 14, 12, 10, 8, 7];
export const PAGE_GAPS = [4, 4, 4, 4, 3, 2, 2, 2, 2, 2];
export const PAGE_GRID_HEIGHT = 128;
/** Lower where there is so little width that lanes are one below the other on a phone. */
export const NARROW_GRID_HEIGHT = 108;
export const NARROW_GRID_BELOW = 440;
/** A square as large as this has its page number in it. */
export const PAGE_TEXT_FROM = 24;
/** More pages than this share squares. */
export const PAGE_SQUARES = 512;

/** Below the grid, pages on their way out. */
export const DOORWAY_SIZE = 16;
export const DOORWAY_GAP = 8;

/** Left of every address axis: flushes, which have no address. */
export const FLUSH_COLUMN = 18;
export const DRIVE_GAP = 32;
/** A drive gets a column of its own from this width on. */
export const DRIVE_MIN_WIDTH = 150;
export const TICK_LINE = 16;
export const TICK_MIN_GAP = 64;
export const STRIP_LABEL_LINE = 16;
export const STRIP_LABEL_RISE = 5;
/** Below what waits: how much more there is. */
export const FOOT_LINE = 4;
export const STRIP_GAP = 8;
export const MEDIA_HEIGHT = 20;
export const BAR_MIN_WIDTH = 6;
/** A bar as wide as this has an arrow in it, and so has a chip. */
export const BAR_ARROW_FROM = 32;
export const CHIP_ARROW_FROM = 16;
export const BAR_GAP = 1;
/** Between the pieces of a folded axis. */
export const FOLD_GAP = 16;
export const PIECE_MIN_WIDTH = 28;

/** Rows of bars, by how many there are at the run's peak: fewer, as those at different addresses share a row; lower, the more there are. */
export const ROW_PLANS = [
  { upTo: 1, rows: 1, pitch: 20 },
  { upTo: 2, rows: 2, pitch: 18 },
  { upTo: 4, rows: 3, pitch: 16 },
  { upTo: 12, rows: 4, pitch: 14 },
  { upTo: 40, rows: 7, pitch: 8 },
  { upTo: Number.POSITIVE_INFINITY, rows: 9, pitch: 6 },
] as const;
/** More writes than this in a volatile cache are drawn as one band. */
export const VOLATILE_BARS = 160;
