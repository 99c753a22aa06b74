import { plot, type PlotOptions } from '@observablehq/plot';
import { SvgDocument } from './svg-document.ts';

/**
 * Colours by role, for light and dark pages. A picture on a page cannot follow the page's own theme, only the reader's
 * system: hence a background of its own.
 */
const STYLE = `
.chart { --background: #ffffff; color: #24292f; --ours-4: #0b7a75; --ours-8: #5fb3ae; --theirs-4: #b4541a; --theirs-8: #e2a06f; --others-4: #5b4b9a; --others-8: #a99bd6; --limit: #6e7781; font-family: system-ui, sans-serif; font-size: 12px; }
@media (prefers-color-scheme: dark) { .chart { --background: #171a20; color: #d5dae1; --ours-4: #35b5ad; --ours-8: #8fdad5; --theirs-4: #d9743a; --theirs-8: #f0b48a; --others-4: #8d7fd0; --others-8: #c5bdea; --limit: #9aa4b0; } }
.chart text { white-space: pre; }
`;

/** Space around the drawing, in pixels. */
const PADDING = 12;

/**
 * Draws a chart without a browser; the same options give the same bytes.
 *
 * @param label what the picture says, for those who do not see it
 * @returns a whole SVG file
 */
export function drawSvg(label: string, options: PlotOptions): string {
  const made = new SvgDocument();
  const drawn: unknown = plot({
    ...options,
    className: 'chart',
    document: made as unknown as Document,
  });
  const svg = drawn as SvgDocument['documentElement'];
  const width = Number(svg.getAttribute('width')) + 2 * PADDING;
  const height = Number(svg.getAttribute('height')) + 2 * PADDING;
  // Plot's own rules lay an SVG out inside a page; this one is a file.
  for (const child of svg.children) if (child.tagName === 'style') svg.removeChild(child);
  // A picture has one name; its groups need none.
  for (const child of svg.children) child.removeAttribute('aria-label');
  const style = made.createElement('style');
  style.append(STYLE);
  const background = made.createElement('rect');
  for (const [name, value] of Object.entries({
    x: -PADDING,
    y: -PADDING,
    width,
    height,
    rx: 8,
    fill: 'var(--background)',
  }))
    background.setAttribute(name, value);
  svg.insertBefore(background, svg.childNodes[0] ?? null);
  svg.insertBefore(style, background);
  for (const [name, value] of Object.entries({
    xmlns: 'http://www.w3.org/2000/svg',
    width,
    height,
    viewBox: `${-PADDING} ${-PADDING} ${width} ${height}`,
    role: 'img',
    'aria-label': label,
  }))
    svg.setAttribute(name, value);
  svg.removeAttribute('font-family');
  svg.removeAttribute('font-size');
  return `${String(svg)}\n`;
}
