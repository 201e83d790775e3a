/** Finds room for labels: none over another, none outside, and off the lines where possible. */

import { type Box, fontSize, overlap, textWidth } from './svg.ts';

/** Text that belongs to a point, or to any of several, such as those of a line. */
export interface Label {
  readonly text: string;
  readonly points: readonly (readonly [number, number])[];
  readonly className: string;
}

/** Where a label came to be. */
export interface PlacedLabel extends Label {
  /** The one of its points it stands at. */
  readonly point: readonly [number, number];
  readonly box: Box;
  /** Far enough from its point to need a line to it. */
  readonly led: boolean;
}

/** Directions to try, the reader's favourites first. */
const directions: readonly (readonly [number, number])[] = [
  [1, -1],
  [1, 1],
  [-1, -1],
  [-1, 1],
  [1, 0],
  [-1, 0],
  [0, -1],
  [0, 1],
];
const distances = [6, 18, 36, 60, 90, 130, 180];
const lineHeight = fontSize * 1.3;

/** Box of a label on one side of its point. */
function boxAt(
  text: string,
  [x, y]: readonly [number, number],
  [dx, dy]: readonly [number, number],
  distance: number,
): Box {
  const width = textWidth(text);
  const middleX = x + dx * (distance + width / 2);
  const middleY = y + dy * (distance + lineHeight / 2);
  return {
    left: middleX - width / 2,
    right: middleX + width / 2,
    top: middleY - lineHeight / 2,
    bottom: middleY + lineHeight / 2,
  };
}

function inside(box: Box, frame: Box): boolean {
  return (
    box.left >= frame.left &&
    box.right <= frame.right &&
    box.top >= frame.top &&
    box.bottom <= frame.bottom
  );
}

/**
 * Places labels in their order; each as near to its point as goes, with as few points of lines under it as goes.
 * A label without any room is left out.
 *
 * @param lines - points of what is drawn
 */
export function placeLabels(
  labels: readonly Label[],
  frame: Box,
  lines: readonly (readonly [number, number])[],
): PlacedLabel[] {
  const placed: PlacedLabel[] = [];
  for (const label of labels) {
    let best: { readonly found: PlacedLabel; readonly penalty: number } | undefined;
    for (const [point, distance, order] of places(label)) {
      const box = boxAt(label.text, point, directions[order], distance);
      if (!inside(box, frame) || placed.some((other) => overlap(box, other.box))) continue;
      const covered = lines.filter(
        ([x, y]) => x > box.left && x < box.right && y > box.top && y < box.bottom,
      ).length;
      const penalty = covered * 40 + distance + order;
      if (best !== undefined && best.penalty <= penalty) continue;
      best = { found: { ...label, point, box, led: distance > 18 }, penalty };
    }
    if (best !== undefined) placed.push(best.found);
  }
  return placed;
}

/** Point, distance and direction of every place a label can have. */
function* places({
  points,
}: Label): Generator<readonly [readonly [number, number], number, number]> {
  for (const point of points) {
    for (const distance of distances) {
      for (let order = 0; order < directions.length; order++) yield [point, distance, order];
    }
  }
}
