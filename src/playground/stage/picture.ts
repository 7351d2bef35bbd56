// The stage as a picture to keep: an SVG that stands alone, and a PNG of it.
//
// Verbs: svgText, pngBlob. Colours and fonts are written into the copy as the page shows them now, so the picture needs no style sheet,
// and keeps the theme it was taken in.
// Invariant: the text refers to nothing outside itself.

/** Properties that a shape's look is made of; what a presentation attribute may hold. */
const SHAPE_PROPERTIES = [
  'fill',
  'stroke',
  'stroke-width',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'opacity',
  'display',
];
const TEXT_PROPERTIES = [
  'fill',
  'font-size',
  'font-weight',
  'font-family',
  'text-anchor',
  'paint-order',
  'stroke',
  'stroke-width',
];
const LOST_ATTRIBUTES = [
  'class',
  'style',
  'tabindex',
  'role',
  'data-key',
  'data-lane',
  'data-own-arrows',
  'data-related',
  'data-hovered',
  'data-selected',
  'data-dimmed',
];
const NAMESPACE = 'http://www.w3.org/2000/svg';
/** Around the lanes, and for the title above them. */
const MARGIN = 24;
const TITLE_LINE = 32;

/** The lanes as text of an SVG file, below a title: which scene, which step, what time. */
export function svgText(lanes: SVGSVGElement, title: string): string {
  const copy = lanes.cloneNode(true) as SVGSVGElement;
  freeze(lanes, copy);
  const { width, height } = sizeOf(lanes);
  const lanesBox = lanes.viewBox.baseVal;
  copy.setAttribute('width', String(lanesBox.width));
  copy.setAttribute('height', String(lanesBox.height));
  copy.setAttribute('x', String(MARGIN));
  copy.setAttribute('y', String(MARGIN + TITLE_LINE));
  const picture = document.createElementNS(NAMESPACE, 'svg');
  picture.setAttribute('width', String(width));
  picture.setAttribute('height', String(height));
  picture.setAttribute('viewBox', `0 0 ${width} ${height}`);
  picture.append(named('title', title), ground(lanes, width, height), heading(lanes, title), copy);
  return new XMLSerializer().serializeToString(picture);
}

/** Of the whole picture, in CSS pixels. */
function sizeOf(lanes: SVGSVGElement): { width: number; height: number } {
  return {
    width: lanes.viewBox.baseVal.width + 2 * MARGIN,
    height: lanes.viewBox.baseVal.height + 2 * MARGIN + TITLE_LINE,
  };
}

function named(name: string, text: string): SVGElement {
  const element = document.createElementNS(NAMESPACE, name);
  element.textContent = text;
  return element;
}

function ground(lanes: SVGSVGElement, width: number, height: number): SVGElement {
  const rect = named('rect', '');
  rect.setAttribute('width', String(width));
  rect.setAttribute('height', String(height));
  rect.setAttribute('fill', groundColour(lanes));
  return rect;
}

/** What is behind the lanes on the page. */
function groundColour(element: Element | null): string {
  if (element === null) return 'white';
  const colour = getComputedStyle(element).backgroundColor;
  return colour === 'rgba(0, 0, 0, 0)' ? groundColour(element.parentElement) : colour;
}

function heading(lanes: SVGSVGElement, title: string): SVGElement {
  const text = named('text', title);
  const style = getComputedStyle(lanes);
  text.setAttribute('x', String(MARGIN));
  text.setAttribute('y', String(MARGIN + TITLE_LINE / 2));
  text.setAttribute('fill', style.color);
  text.setAttribute('font-family', style.fontFamily);
  text.setAttribute('font-size', '15');
  text.setAttribute('font-weight', '600');
  return text;
}

/** Writes what the style sheet gives each element into its copy, and takes away what only the page needs. */
function freeze(from: Element, to: Element): void {
  if (from.matches('.ghosts, .lane-ground, .mark-ring') && !from.matches('[data-selected] > .mark-ring')) {
    to.remove();
    return;
  }
  const style = getComputedStyle(from);
  const children = [...to.children];
  [...from.children].forEach((child, index) => {
    const copy = children[index];
    if (copy !== undefined) freeze(child, copy);
  });
  const isText = from instanceof SVGTextElement;
  for (const name of isText ? TEXT_PROPERTIES : SHAPE_PROPERTIES) {
    const value = style.getPropertyValue(name);
    if (value !== '' && (isText || from instanceof SVGGeometryElement || name === 'opacity'))
      to.setAttribute(name, local(value));
  }
  place(from, to, style);
  for (const name of [...to.getAttributeNames()]) {
    if (LOST_ATTRIBUTES.includes(name) || name.startsWith('aria-')) to.removeAttribute(name);
  }
}

/** A pattern is named from the page's address in a computed style; here it stands in the same file. */
function local(value: string): string {
  return value.replace(/url\(["']?[^"')]*#([^"')]+)["']?\)/, 'url(#$1)');
}

/** Places and widths that are styles on the page, because they move there, become attributes. */
function place(from: Element, to: Element, style: CSSStyleDeclaration): void {
  const placed = (from as SVGElement).style?.transform ?? '';
  if (placed !== '') to.setAttribute('transform', placed.replaceAll('px', ''));
  if (from instanceof SVGRectElement) to.setAttribute('width', String(Number.parseFloat(style.width)));
}

/** The picture as a PNG, `scale` pixels to a CSS pixel. */
export async function pngBlob(lanes: SVGSVGElement, title: string, scale = 2): Promise<Blob> {
  const { width, height } = sizeOf(lanes);
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svgText(lanes, title))}`;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = Math.round(width * scale);
  canvas.height = Math.round(height * scale);
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve, reject) => {
    canvas.toBlob((blob) => {
      if (blob === null) reject(new Error('the browser makes no PNG of this size'));
      else resolve(blob);
    }, 'image/png');
  });
}

/** The lanes on the page; undefined while there are none. */
export function lanesOnPage(): SVGSVGElement | undefined {
  return document.querySelector<SVGSVGElement>('svg.stack') ?? undefined;
}
