/** Pieces of SVG text, and how much room text takes. */

/** A box in the units of the drawing; y grows downwards. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** Whether two boxes share more than an edge. */
export function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}

/** Font size of all text but titles. */
export const fontSize = 12;

/** Width of a text: an upper estimate, because the reader's font is not known. DejaVu Sans is the widest common one. */
export function textWidth(text: string, size: number = fontSize): number {
  return [...text].length * size * 0.62;
}

/** Text as content or attribute of XML. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** An element; numbers are rounded to a tenth. */
export function element(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  ...content: readonly string[]
): string {
  const list = Object.entries(attributes)
    .map(
      ([key, value]) => ` ${key}="${typeof value === 'number' ? tenth(value) : escapeXml(value)}"`,
    )
    .join('');
  return content.length === 0
    ? `<${name}${list}/>`
    : `<${name}${list}>${content.join('')}</${name}>`;
}

/** An element of text. */
export function textElement(
  text: string,
  attributes: Readonly<Record<string, string | number>>,
): string {
  return element('text', attributes, escapeXml(text));
}

/** A path through points, straight or in steps: first to the side, then up or down. */
export function pathThrough(points: readonly (readonly [number, number])[], steps = false): string {
  return points
    .map(([x, y], i) => {
      if (i === 0) return `M${tenth(x)} ${tenth(y)}`;
      return steps ? `H${tenth(x)}V${tenth(y)}` : `L${tenth(x)} ${tenth(y)}`;
    })
    .join('');
}

function tenth(value: number): string {
  return String(Math.round(value * 10) / 10);
}
