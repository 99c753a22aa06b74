import { z } from 'zod';

const rectangleSchema = z.object({ x: z.int(), y: z.int(), width: z.int(), height: z.int() });
export type Rectangle = z.infer<typeof rectangleSchema>;

/** Where the window was; its own size even while it filled the screen. */
export const windowStateSchema = z.object({ bounds: rectangleSchema, maximized: z.boolean() });
export type WindowState = z.infer<typeof windowStateSchema>;

/** The least that every view works in. */
export const LEAST_SIZE = { width: 900, height: 600 } as const;

/** Room for a table beside the rail, and for two columns of a comparison. */
const USUAL_SIZE = { width: 1280, height: 800 } as const;

/** So much of the title bar must be on a screen that the window can be taken hold of. */
const GRIP = { width: 100, height: 30 } as const;

function overlap(a: Rectangle, b: Rectangle): { width: number; height: number } {
  return {
    width: Math.min(a.x + a.width, b.x + b.width) - Math.max(a.x, b.x),
    height: Math.min(a.y + a.height, b.y + b.height) - Math.max(a.y, b.y),
  };
}

/**
 * Where the window opens: where it was, made to fit the display that shows most of it; in the middle of the first
 * display when that one is gone.
 *
 * @param displays work areas (without taskbars), the primary one first
 */
export function placeWindow(saved: WindowState | null, displays: readonly Rectangle[]): Rectangle {
  const primary = displays[0] ?? { x: 0, y: 0, ...USUAL_SIZE };
  const fit = (size: number, least: number, most: number): number =>
    Math.min(Math.max(size, least), Math.max(most, least));
  const bounds = saved?.bounds;
  const titleBar = bounds === undefined ? null : { ...bounds, height: GRIP.height };
  const reachable = (display: Rectangle): boolean => {
    if (titleBar === null) return false;
    const { width, height } = overlap(titleBar, display);
    return width >= GRIP.width && height >= GRIP.height;
  };
  const areaOn = (display: Rectangle): number => {
    if (bounds === undefined) return 0;
    const { width, height } = overlap(bounds, display);
    return Math.max(0, width) * Math.max(0, height);
  };
  const display = displays.filter(reachable).sort((a, b) => areaOn(b) - areaOn(a))[0];
  const target = display ?? primary;
  const width = fit(bounds?.width ?? USUAL_SIZE.width, LEAST_SIZE.width, target.width);
  const height = fit(bounds?.height ?? USUAL_SIZE.height, LEAST_SIZE.height, target.height);
  if (display === undefined || bounds === undefined)
    return {
      x: target.x + Math.max(0, Math.round((target.width - width) / 2)),
      y: target.y + Math.max(0, Math.round((target.height - height) / 2)),
      width,
      height,
    };
  const within = (position: number, start: number, room: number): number =>
    Math.max(start, Math.min(position, start + room));
  return {
    x: within(bounds.x, target.x, target.width - width),
    y: within(bounds.y, target.y, target.height - height),
    width,
    height,
  };
}
