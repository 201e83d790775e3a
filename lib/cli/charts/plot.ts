/** The frame all charts share: grid, axes with titles, lines, dots and labels. */

import { type Label, type PlacedLabel, placeLabels } from './label-placer.ts';
import type { Scale } from './scale.ts';
import { type Box, element, fontSize, pathThrough, textElement } from './svg.ts';

/** Size of one chart. */
export const plotSize = { width: 780, height: 400 } as const;

/** Where the lines go. */
export const plotArea: Box = { left: 78, top: 40, right: 740, bottom: 340 };

/** A line; `className` gives its colour. */
export interface PlotLine {
  readonly points: readonly (readonly [number, number])[];
  readonly className: string;
  readonly steps?: boolean;
}

/** What a chart shows, in places of the drawing. */
export interface Plot {
  readonly title: string;
  readonly x: {
    readonly scale: Scale;
    readonly title: string;
    readonly format: (v: number) => string;
  };
  readonly y: {
    readonly scale: Scale;
    readonly title: string;
    readonly format: (v: number) => string;
  };
  readonly lines: readonly PlotLine[];
  readonly dots: readonly { readonly x: number; readonly y: number; readonly className: string }[];
  readonly labels: readonly Label[];
}

/** A chart drawn. */
export interface DrawnPlot {
  /** Content of an `svg` or `g` element of {@link plotSize}. */
  readonly content: string;
  readonly labels: readonly PlacedLabel[];
}

/** Points a few pixels apart along lines, so that labels keep off the stretches between the corners too. */
function along({ points, steps }: PlotLine): (readonly [number, number])[] {
  const dense: (readonly [number, number])[] = [];
  const add = (x0: number, y0: number, x1: number, y1: number): void => {
    const count = Math.ceil(Math.hypot(x1 - x0, y1 - y0) / 4);
    for (let i = 0; i < count; i++) {
      dense.push([x0 + ((x1 - x0) * i) / count, y0 + ((y1 - y0) * i) / count]);
    }
  };
  for (let i = 1; i < points.length; i++) {
    const [x0, y0] = points[i - 1];
    const [x1, y1] = points[i];
    if (steps === true) {
      add(x0, y0, x1, y0);
      add(x1, y0, x1, y1);
    } else add(x0, y0, x1, y1);
  }
  return dense;
}

function axes({ x, y }: Plot): string[] {
  const { left, top, right, bottom } = plotArea;
  const middle = (top + bottom) / 2;
  return [
    ...x.scale.ticks.flatMap((value) => {
      const at = x.scale.at(value);
      return [
        element('line', { class: 'grid', x1: at, x2: at, y1: top, y2: bottom }),
        textElement(x.format(value), {
          class: 'muted',
          x: at,
          y: bottom + 18,
          'text-anchor': 'middle',
        }),
      ];
    }),
    ...y.scale.ticks.flatMap((value) => {
      const at = y.scale.at(value);
      return [
        element('line', { class: 'grid', x1: left, x2: right, y1: at, y2: at }),
        textElement(y.format(value), {
          class: 'muted',
          x: left - 8,
          y: at + 4,
          'text-anchor': 'end',
        }),
      ];
    }),
    element('line', { class: 'axis', x1: left, x2: right, y1: bottom, y2: bottom }),
    element('line', { class: 'axis', x1: left, x2: left, y1: top, y2: bottom }),
    textElement(x.title, {
      class: 'ink',
      x: (left + right) / 2,
      y: bottom + 42,
      'text-anchor': 'middle',
    }),
    textElement(y.title, {
      class: 'ink',
      transform: `translate(16 ${middle}) rotate(-90)`,
      'text-anchor': 'middle',
    }),
  ];
}

function labelElements(label: PlacedLabel): string[] {
  const { box, text, className, point, led } = label;
  const [x, y] = point;
  const nearX = Math.min(box.right, Math.max(box.left, x));
  const nearY = Math.min(box.bottom, Math.max(box.top, y));
  return [
    ...(led ? [element('line', { class: 'leader', x1: x, y1: y, x2: nearX, y2: nearY })] : []),
    textElement(text, {
      class: `label ${className}`,
      x: (box.left + box.right) / 2,
      y: box.bottom - fontSize * 0.35,
      'text-anchor': 'middle',
    }),
  ];
}

/** Draws a chart. */
export function drawPlot(plot: Plot): DrawnPlot {
  const dots = plot.dots.flatMap(({ x, y }): [number, number][] => [
    [x, y],
    [x - 4, y],
    [x + 4, y],
    [x, y - 4],
    [x, y + 4],
  ]);
  const labels = placeLabels(
    plot.labels,
    { ...plotArea, left: plotArea.left + 2, top: plotArea.top + 2, bottom: plotArea.bottom - 2 },
    [...plot.lines.flatMap(along), ...dots],
  );
  const content = [
    textElement(plot.title, { class: 'ink heading', x: plotArea.left, y: 24 }),
    ...axes(plot),
    ...plot.lines.map(({ points, className, steps }) =>
      element('path', { class: `line ${className}`, d: pathThrough(points, steps) }),
    ),
    ...plot.dots.map(({ x, y, className }) =>
      element('circle', { class: `dot ${className}`, cx: x, cy: y, r: 4.5 }),
    ),
    ...labels.flatMap(labelElements),
  ].join('\n');
  return { content, labels };
}
