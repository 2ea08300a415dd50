/**
 * Moves positions on a line apart, as little as is needed for a gap between all of them, and keeps them between two ends where there is room.
 *
 * @returns In the order of `wanted`.
 */
export function spreadApart(wanted: readonly number[], gap: number, [low, high]: readonly [number, number]): number[] {
  const order = wanted.map((_, at) => at).sort((a, b) => (wanted[a] ?? 0) - (wanted[b] ?? 0));
  // Runs of touching labels, each centred on what its members want.
  const runs: { readonly members: number[]; top: number }[] = [];
  const settle = (members: number[]): number => {
    const mean = members.reduce((sum, at) => sum + (wanted[at] ?? 0), 0) / members.length;
    const height = (members.length - 1) * gap;
    return Math.max(low, Math.min(high - height, mean - height / 2));
  };
  for (const at of order) {
    let run = { members: [at], top: settle([at]) };
    for (let above = runs.at(-1); above && above.top + above.members.length * gap > run.top; above = runs.at(-1)) {
      runs.pop();
      const members = [...above.members, ...run.members];
      run = { members, top: settle(members) };
    }
    runs.push(run);
  }
  const places: number[] = new Array<number>(wanted.length).fill(0);
  for (const { members, top } of runs) for (const [i, at] of members.entries()) places[at] = top + i * gap;
  return places;
}

export interface Spot {
  readonly x: number;
  readonly y: number;
  readonly text: string;
}

/** Where a label is, in pixels: its end that `anchor` names, half way up. */
export interface Place {
  readonly x: number;
  readonly y: number;
  readonly anchor: "start" | "middle" | "end";
}

/** Of a letter at most: what is too wide here only takes room. */
const LETTER = 7.4;
const LINE = 13;
const BESIDE = 10;

/**
 * Places labels beside dots so that they cover neither each other nor dots, nearest first. Undefined for a label that finds no place.
 *
 * @param bounds Of the labels, in pixels.
 */
export function placeLabels(
  spots: readonly Spot[],
  bounds: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
): (Place | undefined)[] {
  const taken: Box[] = spots.map(({ x, y }) => ({ left: x - 5, right: x + 5, top: y - 5, bottom: y + 5 }));
  return spots.map(({ x, y, text }) => {
    const width = text.length * LETTER;
    for (const distance of [0, 1, 2, 3, 4, 5, 6]) {
      for (const { x: placeX, y: placeY, anchor } of placesAround(x, y, distance)) {
        const left = placeX - { start: 0, middle: width / 2, end: width }[anchor];
        const box = { left, right: left + width, top: placeY - LINE / 2, bottom: placeY + LINE / 2 };
        const inside =
          box.left >= bounds.left && box.right <= bounds.right && box.top >= bounds.top && box.bottom <= bounds.bottom;
        if (!inside || taken.some((other) => overlap(box, other))) continue;
        taken.push(box);
        return { x: placeX, y: placeY, anchor };
      }
    }
    return undefined;
  });
}

/** So many lines away, best first. */
function placesAround(x: number, y: number, distance: number): Place[] {
  const away = distance * LINE;
  return [
    { x: x + BESIDE, y: y - away, anchor: "start" },
    { x: x + BESIDE, y: y + away, anchor: "start" },
    { x: x - BESIDE, y: y - away, anchor: "end" },
    { x: x - BESIDE, y: y + away, anchor: "end" },
    { x, y: y - away - LINE, anchor: "middle" },
    { x, y: y + away + LINE, anchor: "middle" },
  ];
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
